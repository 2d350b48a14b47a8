//! `config-network`: names, certificates and the protocol of routes.

mod mode;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use knative_core::object::quote;

use super::{
    ConfigError,
    reader::Reader,
    template::{Template, Value},
    url, yaml,
};

pub use self::mode::{Encryption, HttpProtocol, MeshCompatibilityMode};

/// Template of domains where the map has none.
pub const DEFAULT_DOMAIN_TEMPLATE: &str = "{{.Name}}.{{.Namespace}}.{{.Domain}}";
/// Template of the names of tags where the map has none.
pub const DEFAULT_TAG_TEMPLATE: &str = "{{.Tag}}-{{.Name}}";

/// The parsed `config-network`. Older spellings of keys count where the newer ones are absent.
///
/// Source of keys, defaults and ranges: networking `pkg/config/config.go`.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the map has this many switches"
)]
pub struct Network {
    /// Class of ingresses without the annotation. `ingress-class`, default `istio.ingress.networking.knative.dev`.
    pub default_ingress_class: String,
    /// Class of certificates without the annotation. `certificate-class`, default
    /// `cert-manager.certificate.networking.knative.dev`.
    pub default_certificate_class: String,
    /// The domain of a route over its name, namespace, suffix, labels and annotations. `domain-template`, default
    /// [`DEFAULT_DOMAIN_TEMPLATE`].
    pub domain_template: Template,
    /// The name of a tag's host over tag and route. `tag-template`, default [`DEFAULT_TAG_TEMPLATE`].
    pub tag_template: Template,
    /// The older name of `external_domain_tls`. `auto-tls`.
    pub auto_tls: bool,
    /// Certificates for external hosts. `external-domain-tls`, default off.
    pub external_domain_tls: bool,
    /// `http-protocol`, default enabled.
    pub http_protocol: HttpProtocol,
    /// Namespaces that get a wildcard certificate. `namespace-wildcard-cert-selector`, YAML, default none.
    pub namespace_wildcard_cert_selector: Option<LabelSelector>,
    /// Seconds that a rollout of a new revision takes. `rollout-duration`, default 0, at least 0.
    pub rollout_duration_secs: i64,
    /// Whether a domain mapping claims its domain by itself. `autocreate-cluster-domain-claims`, default false.
    pub autocreate_cluster_domain_claims: bool,
    /// Whether instances in a mesh are reachable directly. `enable-mesh-pod-addressability`, default false.
    pub enable_mesh_pod_addressability: bool,
    /// `mesh-compatibility-mode`, default auto.
    pub mesh_compatibility_mode: MeshCompatibilityMode,
    /// Scheme of external URLs. `default-external-scheme`, default `http`.
    pub default_external_scheme: String,
    /// The older name of `system_internal_tls`. `internal-encryption`.
    pub internal_encryption: bool,
    /// TLS between the parts of the platform. `system-internal-tls`, default disabled.
    pub system_internal_tls: Encryption,
    /// TLS for local hosts. `cluster-local-domain-tls`, default disabled.
    pub cluster_local_domain_tls: Encryption,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            default_ingress_class: "istio.ingress.networking.knative.dev".to_owned(),
            default_certificate_class: "cert-manager.certificate.networking.knative.dev".to_owned(),
            domain_template: constant(DOMAIN_TEMPLATE, DEFAULT_DOMAIN_TEMPLATE),
            tag_template: constant(TAG_TEMPLATE, DEFAULT_TAG_TEMPLATE),
            auto_tls: false,
            external_domain_tls: false,
            http_protocol: HttpProtocol::default(),
            namespace_wildcard_cert_selector: None,
            rollout_duration_secs: 0,
            autocreate_cluster_domain_claims: false,
            enable_mesh_pod_addressability: false,
            mesh_compatibility_mode: MeshCompatibilityMode::default(),
            default_external_scheme: "http".to_owned(),
            internal_encryption: false,
            system_internal_tls: Encryption::default(),
            cluster_local_domain_tls: Encryption::default(),
        }
    }
}

fn constant(name: &'static str, source: &str) -> Template {
    Template::parse(name, source).expect("the default templates parse")
}

const DOMAIN_TEMPLATE: &str = "domain-template";
const TAG_TEMPLATE: &str = "tag-template";
const ROLLOUT_DURATION: &str = "rollout-duration";
const HTTP_PROTOCOL: &str = "http-protocol";
const SYSTEM_INTERNAL_TLS: &str = "system-internal-tls";
const CLUSTER_LOCAL_DOMAIN_TLS: &str = "cluster-local-domain-tls";

impl Network {
    /// The keys that are read.
    pub const KEYS: &[&str] = &[
        "auto-tls",
        "autoTLS",
        "autocreate-cluster-domain-claims",
        "autocreateClusterDomainClaims",
        "certificate-class",
        "certificate.class",
        CLUSTER_LOCAL_DOMAIN_TLS,
        "default-external-scheme",
        "defaultExternalScheme",
        DOMAIN_TEMPLATE,
        "domainTemplate",
        "enable-mesh-pod-addressability",
        "external-domain-tls",
        HTTP_PROTOCOL,
        "httpProtocol",
        "ingress-class",
        "ingress.class",
        "internal-encryption",
        "mesh-compatibility-mode",
        "namespace-wildcard-cert-selector",
        ROLLOUT_DURATION,
        "rolloutDuration",
        SYSTEM_INTERNAL_TLS,
        TAG_TEMPLATE,
        "tagTemplate",
    ];

    /// Reads the map: first what does not parse is told, then the first rule that is broken.
    pub fn parse(data: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        let map = Reader(data);
        config.read(map)?;
        if config.rollout_duration_secs < 0 {
            let seconds = config.rollout_duration_secs;
            return Err(ConfigError::new(format!(
                "{ROLLOUT_DURATION} must be a positive integer, but was {seconds}"
            )));
        }
        config.read_templates(map).map_err(ConfigError::new)?;
        config.read_tls(map).map_err(ConfigError::new)?;
        Ok(config)
    }

    fn read(&mut self, map: Reader<'_>) -> Result<(), ConfigError> {
        map.text("ingress.class", &mut self.default_ingress_class);
        map.text("certificate.class", &mut self.default_certificate_class);
        map.int("rolloutDuration", &mut self.rollout_duration_secs)?;
        map.bool(
            "autocreateClusterDomainClaims",
            &mut self.autocreate_cluster_domain_claims,
        )?;
        map.text("defaultExternalScheme", &mut self.default_external_scheme);
        map.text("ingress-class", &mut self.default_ingress_class);
        map.text("certificate-class", &mut self.default_certificate_class);
        map.int(ROLLOUT_DURATION, &mut self.rollout_duration_secs)?;
        map.bool(
            "autocreate-cluster-domain-claims",
            &mut self.autocreate_cluster_domain_claims,
        )?;
        map.bool(
            "enable-mesh-pod-addressability",
            &mut self.enable_mesh_pod_addressability,
        )?;
        map.text("default-external-scheme", &mut self.default_external_scheme);
        map.bool("internal-encryption", &mut self.internal_encryption)?;
        if let Some(mode) = map.raw("mesh-compatibility-mode").and_then(mesh_mode) {
            self.mesh_compatibility_mode = mode;
        }
        if let Some(text) = map
            .raw("namespace-wildcard-cert-selector")
            .filter(|text| !text.is_empty())
        {
            self.namespace_wildcard_cert_selector =
                label_selector(text).map_err(|error| ConfigError::new(error.to_string()))?;
        }
        Ok(())
    }

    fn read_templates(&mut self, map: Reader<'_>) -> Result<(), String> {
        let said = |error: super::template::TemplateError| error.to_string();
        let mut source = DEFAULT_DOMAIN_TEMPLATE.to_owned();
        map.text("domainTemplate", &mut source);
        map.text(DOMAIN_TEMPLATE, &mut source);
        self.domain_template = Template::parse(DOMAIN_TEMPLATE, &source).map_err(said)?;
        let none = BTreeMap::new();
        let trial = self
            .domain_template
            .render(&domain_values("foo", "bar", "baz.com", &none, &none))
            .map_err(said)?;
        url::check_host(&trial)?;
        let mut source = DEFAULT_TAG_TEMPLATE.to_owned();
        map.text("tagTemplate", &mut source);
        map.text(TAG_TEMPLATE, &mut source);
        self.tag_template = Template::parse(TAG_TEMPLATE, &source).map_err(said)?;
        self.tag_template
            .render(&tag_values("foo", "v2"))
            .map(drop)
            .map_err(said)
    }

    fn read_tls(&mut self, map: Reader<'_>) -> Result<(), String> {
        let enabled = |key: &str| {
            map.raw(key)
                .map(|text| text.eq_ignore_ascii_case("enabled"))
        };
        self.auto_tls = enabled("external-domain-tls")
            .or(enabled("auto-tls"))
            .or(enabled("autoTLS"))
            .unwrap_or(false);
        self.external_domain_tls = self.auto_tls;
        let protocol = map
            .raw(HTTP_PROTOCOL)
            .or(map.raw("httpProtocol"))
            .unwrap_or("");
        self.http_protocol = match protocol.to_lowercase().as_str() {
            "" | "enabled" => HttpProtocol::Enabled,
            "disabled" => HttpProtocol::Disabled,
            "redirected" => HttpProtocol::Redirected,
            // The text names the newer key's value even when the older key is at fault, as Knative's does.
            _ => {
                let protocol = map.raw(HTTP_PROTOCOL).unwrap_or("");
                return Err(format!(
                    "httpProtocol {protocol} in config-network ConfigMap is not supported"
                ));
            }
        };
        self.system_internal_tls = encryption(map, SYSTEM_INTERNAL_TLS)?;
        if self.internal_encryption {
            self.system_internal_tls = Encryption::Enabled;
        }
        self.internal_encryption = self.system_internal_tls == Encryption::Enabled;
        self.cluster_local_domain_tls = encryption(map, CLUSTER_LOCAL_DOMAIN_TLS)?;
        Ok(())
    }
}

fn encryption(map: Reader<'_>, key: &str) -> Result<Encryption, String> {
    let text = map.raw(key).unwrap_or("");
    match text.to_lowercase().as_str() {
        "" | "disabled" => Ok(Encryption::Disabled),
        "enabled" => Ok(Encryption::Enabled),
        _ => Err(format!(
            "{key} with value: {} in config-network ConfigMap is not supported",
            quote(text)
        )),
    }
}

fn mesh_mode(text: &str) -> Option<MeshCompatibilityMode> {
    [
        MeshCompatibilityMode::Enabled,
        MeshCompatibilityMode::Disabled,
        MeshCompatibilityMode::Auto,
    ]
    .into_iter()
    .find(|mode| mode.as_str().eq_ignore_ascii_case(text))
}

fn label_selector(text: &str) -> Result<Option<LabelSelector>, yaml::YamlError> {
    let document = yaml::parse(text)?;
    if document == yaml::Yaml::Null {
        return Ok(None);
    }
    let fields = document.pairs("value", "v1.LabelSelector")?;
    let labels =
        yaml::field(fields, "matchLabels").texts("struct field LabelSelector.matchLabels")?;
    let requirements = yaml::field(fields, "matchExpressions")
        .items(
            "struct field LabelSelector.matchExpressions",
            "[]v1.LabelSelectorRequirement",
        )?
        .iter()
        .map(requirement)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Some(LabelSelector {
        match_labels: (!labels.is_empty()).then_some(labels),
        match_expressions: (!requirements.is_empty()).then_some(requirements),
    }))
}

fn requirement(item: &yaml::Yaml) -> Result<LabelSelectorRequirement, yaml::YamlError> {
    let fields = item.pairs("value", "v1.LabelSelectorRequirement")?;
    let of = |name: &str| format!("struct field LabelSelectorRequirement.matchExpressions.{name}");
    let values = yaml::field(fields, "values").items(&of("values"), "[]string")?;
    let values = values
        .iter()
        .map(|value| value.text(&of("values")))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(LabelSelectorRequirement {
        key: yaml::field(fields, "key").text(&of("key"))?,
        operator: yaml::field(fields, "operator").text(&of("operator"))?,
        values: (!values.is_empty()).then_some(values),
    })
}

/// What the domain template is applied to.
pub(super) fn domain_values(
    name: &str,
    namespace: &str,
    domain: &str,
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) -> Value {
    Value::Object(
        "config.DomainTemplateValues",
        BTreeMap::from([
            ("Name", Value::from(name)),
            ("Namespace", Value::from(namespace)),
            ("Domain", Value::from(domain)),
            ("Labels", Value::from(labels)),
            ("Annotations", Value::from(annotations)),
        ]),
    )
}

/// What the tag template is applied to.
pub(super) fn tag_values(name: &str, tag: &str) -> Value {
    Value::Object(
        "config.TagTemplateValues",
        BTreeMap::from([("Name", Value::from(name)), ("Tag", Value::from(tag))]),
    )
}
