//! `config-deployment`: how the workloads of revisions are made.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use knative_core::object::{format_duration, name, quote};

use super::{ConfigError, domain, reader::Reader, yaml};

/// How the instances of a revision are kept apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AffinityType {
    /// No rule.
    None,
    /// On different nodes, if possible.
    #[default]
    PreferSpreadRevisionOverNodes,
}

impl AffinityType {
    /// As written in the map.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::PreferSpreadRevisionOverNodes => "prefer-spread-revision-over-nodes",
        }
    }
}

/// The parsed `config-deployment`. Most keys have an older spelling in camel case, which counts where the newer one
/// is absent.
///
/// Source of keys, defaults and ranges: serving `pkg/deployment/config.go`.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// Image of the queue sidecar. `queue-sidecar-image`, required.
    pub queue_sidecar_image: String,
    /// Registries whose tags are not resolved to digests. `registries-skipping-tag-resolving`, default
    /// `kind.local,ko.local,dev.local`.
    pub registries_skipping_tag_resolving: BTreeSet<String>,
    /// Most time for resolving a tag. `digest-resolution-timeout`, default 10 s, above 0.
    pub digest_resolution_timeout: SignedDuration,
    /// Time without progress after which a deployment has failed. `progress-deadline`, default 600 s, above 0, whole
    /// seconds.
    pub progress_deadline: SignedDuration,
    /// `queue-sidecar-cpu-request`, default 25m.
    pub queue_sidecar_cpu_request: Option<Quantity>,
    /// `queue-sidecar-cpu-limit`, default unset.
    pub queue_sidecar_cpu_limit: Option<Quantity>,
    /// `queue-sidecar-memory-request`, default unset.
    pub queue_sidecar_memory_request: Option<Quantity>,
    /// `queue-sidecar-memory-limit`, default unset.
    pub queue_sidecar_memory_limit: Option<Quantity>,
    /// `queue-sidecar-ephemeral-storage-request`, default unset.
    pub queue_sidecar_ephemeral_storage_request: Option<Quantity>,
    /// `queue-sidecar-ephemeral-storage-limit`, default unset.
    pub queue_sidecar_ephemeral_storage_limit: Option<Quantity>,
    /// Audiences of the tokens that the sidecar gets. `queue-sidecar-token-audiences`, default one empty text, which
    /// stands for none.
    pub queue_sidecar_token_audiences: BTreeSet<String>,
    /// Certificate that the sidecar trusts. `queue-sidecar-rootca`, default none.
    pub queue_sidecar_root_ca: String,
    /// Lowest TLS version of the sidecar. `queue-sidecar-tls-min-version`, default none.
    pub queue_sidecar_tls_min_version: String,
    /// Highest TLS version of the sidecar. `queue-sidecar-tls-max-version`, default none.
    pub queue_sidecar_tls_max_version: String,
    /// Cipher suites of the sidecar. `queue-sidecar-tls-cipher-suites`, default none.
    pub queue_sidecar_tls_cipher_suites: String,
    /// Curves of the sidecar. `queue-sidecar-tls-curve-preferences`, default none.
    pub queue_sidecar_tls_curve_preferences: String,
    /// `default-affinity-type`.
    pub default_affinity_type: AffinityType,
    /// Selectors of labels under the runtime classes that they choose. `runtime-class-name`, YAML, default none.
    pub runtime_class_names: BTreeMap<String, BTreeMap<String, String>>,
    /// Whether a pod that cannot be scheduled is one that will be. `pod-is-always-schedulable`, default false.
    pub pod_is_always_schedulable: bool,
}

impl Default for Deployment {
    fn default() -> Self {
        Self {
            queue_sidecar_image: String::new(),
            registries_skipping_tag_resolving: ["kind.local", "ko.local", "dev.local"]
                .map(str::to_owned)
                .into(),
            digest_resolution_timeout: SignedDuration::from_secs(10),
            progress_deadline: SignedDuration::from_secs(600),
            queue_sidecar_cpu_request: Some(Quantity("25m".to_owned())),
            queue_sidecar_cpu_limit: None,
            queue_sidecar_memory_request: None,
            queue_sidecar_memory_limit: None,
            queue_sidecar_ephemeral_storage_request: None,
            queue_sidecar_ephemeral_storage_limit: None,
            queue_sidecar_token_audiences: BTreeSet::from([String::new()]),
            queue_sidecar_root_ca: String::new(),
            queue_sidecar_tls_min_version: String::new(),
            queue_sidecar_tls_max_version: String::new(),
            queue_sidecar_tls_cipher_suites: String::new(),
            queue_sidecar_tls_curve_preferences: String::new(),
            default_affinity_type: AffinityType::default(),
            runtime_class_names: BTreeMap::new(),
            pod_is_always_schedulable: false,
        }
    }
}

/// The spellings of the older keys and of the newer ones, which are read later.
struct Spelling {
    image: &'static str,
    progress_deadline: &'static str,
    digest_timeout: &'static str,
    registries: &'static str,
    cpu_request: &'static str,
    memory_request: &'static str,
    storage_request: &'static str,
    cpu_limit: &'static str,
    memory_limit: &'static str,
    storage_limit: &'static str,
}

const CAMEL: Spelling = Spelling {
    image: "queueSidecarImage",
    progress_deadline: "progressDeadline",
    digest_timeout: "digestResolutionTimeout",
    registries: "registriesSkippingTagResolving",
    cpu_request: "queueSidecarCPURequest",
    memory_request: "queueSidecarMemoryRequest",
    storage_request: "queueSidecarEphemeralStorageRequest",
    cpu_limit: "queueSidecarCPULimit",
    memory_limit: "queueSidecarMemoryLimit",
    storage_limit: "queueSidecarEphemeralStorageLimit",
};

const KEBAB: Spelling = Spelling {
    image: "queue-sidecar-image",
    progress_deadline: "progress-deadline",
    digest_timeout: "digest-resolution-timeout",
    registries: "registries-skipping-tag-resolving",
    cpu_request: "queue-sidecar-cpu-request",
    memory_request: "queue-sidecar-memory-request",
    storage_request: "queue-sidecar-ephemeral-storage-request",
    cpu_limit: "queue-sidecar-cpu-limit",
    memory_limit: "queue-sidecar-memory-limit",
    storage_limit: "queue-sidecar-ephemeral-storage-limit",
};

impl Spelling {
    const fn keys(&self) -> [&'static str; 10] {
        [
            self.image,
            self.progress_deadline,
            self.digest_timeout,
            self.registries,
            self.cpu_request,
            self.memory_request,
            self.storage_request,
            self.cpu_limit,
            self.memory_limit,
            self.storage_limit,
        ]
    }
}

const TOKEN_AUDIENCES: &str = "queue-sidecar-token-audiences";
const ROOT_CA: &str = "queue-sidecar-rootca";
const TLS_MIN_VERSION: &str = "queue-sidecar-tls-min-version";
const TLS_MAX_VERSION: &str = "queue-sidecar-tls-max-version";
const TLS_CIPHER_SUITES: &str = "queue-sidecar-tls-cipher-suites";
const TLS_CURVE_PREFERENCES: &str = "queue-sidecar-tls-curve-preferences";
const DEFAULT_AFFINITY_TYPE: &str = "default-affinity-type";
const RUNTIME_CLASS_NAME: &str = "runtime-class-name";
const POD_IS_ALWAYS_SCHEDULABLE: &str = "pod-is-always-schedulable";

impl Deployment {
    /// Whether `key` is read.
    pub fn is_known(key: &str) -> bool {
        let others = [
            TOKEN_AUDIENCES,
            ROOT_CA,
            TLS_MIN_VERSION,
            TLS_MAX_VERSION,
            TLS_CIPHER_SUITES,
            TLS_CURVE_PREFERENCES,
            DEFAULT_AFFINITY_TYPE,
            RUNTIME_CLASS_NAME,
            POD_IS_ALWAYS_SCHEDULABLE,
        ];
        KEBAB.keys().contains(&key) || others.contains(&key) || CAMEL.keys().contains(&key)
    }

    /// Reads the map: first what does not parse is told, then the first rule that is broken.
    pub fn parse(data: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        let map = Reader(data);
        config.read(map)?;
        config.check().map_err(ConfigError::new)?;
        if let Some(text) = map.raw(DEFAULT_AFFINITY_TYPE) {
            config.default_affinity_type = affinity(text).map_err(ConfigError::new)?;
        }
        let mut classes = String::new();
        map.text(RUNTIME_CLASS_NAME, &mut classes);
        config.runtime_class_names = runtime_classes(&classes).map_err(ConfigError::new)?;
        Ok(config)
    }

    fn read(&mut self, map: Reader<'_>) -> Result<(), ConfigError> {
        self.read_spelled(map, &CAMEL)?;
        self.read_spelled(map, &KEBAB)?;
        map.set(TOKEN_AUDIENCES, &mut self.queue_sidecar_token_audiences);
        map.text(ROOT_CA, &mut self.queue_sidecar_root_ca);
        map.text(TLS_MIN_VERSION, &mut self.queue_sidecar_tls_min_version);
        map.text(TLS_MAX_VERSION, &mut self.queue_sidecar_tls_max_version);
        map.text(TLS_CIPHER_SUITES, &mut self.queue_sidecar_tls_cipher_suites);
        map.text(
            TLS_CURVE_PREFERENCES,
            &mut self.queue_sidecar_tls_curve_preferences,
        );
        map.bool(
            POD_IS_ALWAYS_SCHEDULABLE,
            &mut self.pod_is_always_schedulable,
        )
    }

    fn read_spelled(&mut self, map: Reader<'_>, keys: &Spelling) -> Result<(), ConfigError> {
        map.text(keys.image, &mut self.queue_sidecar_image);
        map.duration(keys.progress_deadline, &mut self.progress_deadline)?;
        map.duration(keys.digest_timeout, &mut self.digest_resolution_timeout)?;
        map.set(keys.registries, &mut self.registries_skipping_tag_resolving);
        map.quantity(keys.cpu_request, &mut self.queue_sidecar_cpu_request)?;
        map.quantity(keys.memory_request, &mut self.queue_sidecar_memory_request)?;
        map.quantity(
            keys.storage_request,
            &mut self.queue_sidecar_ephemeral_storage_request,
        )?;
        map.quantity(keys.cpu_limit, &mut self.queue_sidecar_cpu_limit)?;
        map.quantity(keys.memory_limit, &mut self.queue_sidecar_memory_limit)?;
        map.quantity(
            keys.storage_limit,
            &mut self.queue_sidecar_ephemeral_storage_limit,
        )
    }

    fn check(&self) -> Result<(), String> {
        let (deadline, timeout) = (self.progress_deadline, self.digest_resolution_timeout);
        if self.queue_sidecar_image.is_empty() {
            return Err("queue-sidecar-image cannot be empty or unset".to_owned());
        }
        if deadline <= SignedDuration::ZERO {
            let deadline = format_duration(deadline);
            return Err(format!(
                "progress-deadline cannot be a non-positive duration, was {deadline}"
            ));
        }
        if deadline.subsec_nanos() != 0 {
            let deadline = format_duration(deadline);
            return Err(format!(
                "progress-deadline must be rounded to a whole second, was: {deadline}"
            ));
        }
        if timeout <= SignedDuration::ZERO {
            let timeout = format_duration(timeout);
            return Err(format!(
                "digest-resolution-timeout cannot be a non-positive duration, was {timeout}"
            ));
        }
        Ok(())
    }

    /// The runtime class for a revision with these labels: of those whose selector matches the one with most labels,
    /// then the first by name.
    pub fn runtime_class_name(&self, labels: &BTreeMap<String, String>) -> Option<&str> {
        let matching = self
            .runtime_class_names
            .iter()
            .filter(|(_, selector)| domain::matches(selector, labels));
        domain::most_specific(matching.map(|(class, selector)| (class.as_str(), selector.len())))
    }
}

fn affinity(text: &str) -> Result<AffinityType, String> {
    [
        AffinityType::None,
        AffinityType::PreferSpreadRevisionOverNodes,
    ]
    .into_iter()
    .find(|kind| kind.as_str() == text)
    .ok_or_else(|| format!("unsupported {DEFAULT_AFFINITY_TYPE} value: {}", quote(text)))
}

fn runtime_classes(text: &str) -> Result<BTreeMap<String, BTreeMap<String, String>>, String> {
    let classes = parse_classes(text).map_err(|error| {
        format!("{RUNTIME_CLASS_NAME} cannot be parsed, please check the format: {error}")
    })?;
    for (class, selector) in &classes {
        let wrong = name::dns1123_subdomain(class);
        if !wrong.is_empty() {
            let wrong = wrong.join(" ");
            return Err(format!(
                "{RUNTIME_CLASS_NAME} {class} selector not valid DNSSubdomain: [{wrong}]"
            ));
        }
        for (key, value) in selector {
            let wrong = requirement(key, value);
            if !wrong.is_empty() {
                let wrong = name::aggregate(&wrong);
                return Err(format!(
                    "{RUNTIME_CLASS_NAME} {class} selector invalid: {wrong}"
                ));
            }
        }
    }
    Ok(classes)
}

/// What is wrong with a label and the value that it must have.
fn requirement(key: &str, value: &str) -> Vec<String> {
    let invalid = |path: &str, text: &str, wrong: Vec<String>| {
        let said = format!(
            "{path}: Invalid value: {}: {}",
            quote(text),
            wrong.join("; ")
        );
        (!wrong.is_empty()).then_some(said)
    };
    let value_path = format!("values[0][{key}]");
    let found = [
        invalid("key", key, name::qualified_name(key)),
        invalid(&value_path, value, name::label_value(value)),
    ];
    found.into_iter().flatten().collect()
}

fn parse_classes(
    text: &str,
) -> Result<BTreeMap<String, BTreeMap<String, String>>, yaml::YamlError> {
    const CLASS: &str = "deployment.RuntimeClassNameLabelSelector";
    let document = yaml::parse(text)?;
    let classes = document
        .pairs("value", &format!("map[string]{CLASS}"))?
        .iter();
    let parsed = classes.map(|(class, config)| {
        let fields = config.pairs("value", CLASS)?;
        let selector = yaml::field(fields, "selector")
            .texts("struct field RuntimeClassNameLabelSelector.selector")?;
        Ok((class.clone(), selector))
    });
    parsed.collect()
}
