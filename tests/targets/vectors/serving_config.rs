//! ConfigMaps: what they parse to, and what refuses them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::object::format_duration;
use knative_serving::config::{
    Autoscaler, ConfigError, Defaults, Deployment, Domain, Features, Map, Network, admit,
    example_checksum,
};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::{compare, load};

pub(crate) fn trials(dir: &Path) -> Vec<Trial> {
    let mut trials = load::trials(dir, "serving/configmaps.json", map);
    let ours = |trial: &Trial| Map::ALL.iter().any(|map| trial.name().contains(map.name()));
    trials.retain(|trial| ours(trial) || trial.name().contains("/_example"));
    let mut misc = load::trials(dir, "serving/image-and-misc.json", misc);
    misc.retain(|trial| {
        trial.name().contains("/runtime-class ") || trial.name().contains("/example-checksum ")
    });
    trials.extend(misc);
    trials
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

fn map(case: &Value) -> Result<(), Failed> {
    let data = texts(&case["data"]);
    let name = case["map"].as_str().unwrap_or_default();
    let Some(map) = Map::named(name) else {
        return Ok(());
    };
    let admitted = admit(name, &data, &texts(&case["annotations"]));
    let got = admitted
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    same_error(&got, case["error"].as_str().unwrap_or_default())?;
    if !got.is_empty() {
        return Ok(());
    }
    compare::same("values", &values(map, &data)?, &case["values"])
}

/// Exactly, except for what Go's own parsers say.
fn same_error(got: &str, want: &str) -> Result<(), Failed> {
    let parsers = ["yaml:", "json:", "template:", "parse \"https", "strconv."];
    let begin = parsers.iter().filter_map(|parser| want.find(parser)).min();
    let fits = match begin {
        Some(begin) => got.len() > begin && got.get(..begin) == want.get(..begin),
        None => got == want,
    };
    if fits {
        Ok(())
    } else {
        Err(format!("error differs\n got: {got}\nwant: {want}").into())
    }
}

fn values(map: Map, data: &BTreeMap<String, String>) -> Result<Value, ConfigError> {
    Ok(match map {
        Map::Autoscaler => autoscaler(&Autoscaler::parse(data)?),
        Map::Defaults => defaults(&Defaults::parse(data)?),
        Map::Deployment => deployment(&Deployment::parse(data)?),
        Map::Domain => domain(&Domain::parse(data)?),
        Map::Features => features(&Features::parse(data)?),
        Map::Network => network(&Network::parse(data)?),
    })
}

/// As Go writes it: without a fraction where it is whole.
fn float(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole and small")]
    if value.fract() == 0.0 && value.abs() < 1e15 {
        json!(value as i64)
    } else {
        json!(value)
    }
}

fn duration(value: SignedDuration) -> Value {
    json!(format_duration(value))
}

fn quantity(value: Option<&Quantity>) -> Value {
    json!(value.map(|quantity| &quantity.0))
}

fn autoscaler(config: &Autoscaler) -> Value {
    json!({
        "ActivatorCapacity": float(config.activator_capacity),
        "AllowZeroInitialScale": config.allow_zero_initial_scale,
        "ContainerConcurrencyTargetDefault": float(config.container_concurrency_target_default),
        "ContainerConcurrencyTargetFraction": float(config.container_concurrency_target_fraction),
        "EnableScaleToZero": config.enable_scale_to_zero,
        "InitialScale": config.initial_scale,
        "MaxScale": config.max_scale,
        "MaxScaleDownRate": float(config.max_scale_down_rate),
        "MaxScaleLimit": config.max_scale_limit,
        "MaxScaleUpRate": float(config.max_scale_up_rate),
        "MinScale": config.min_scale,
        "PanicThresholdPercentage": float(config.panic_threshold_percentage),
        "PanicWindowPercentage": float(config.panic_window_percentage),
        "PodAutoscalerClass": config.pod_autoscaler_class,
        "RPSTargetDefault": float(config.rps_target_default),
        "ScaleDownDelay": duration(config.scale_down_delay),
        "ScaleToZeroGracePeriod": duration(config.scale_to_zero_grace_period),
        "ScaleToZeroPodRetentionPeriod": duration(config.scale_to_zero_pod_retention_period),
        "StableWindow": duration(config.stable_window),
        "TargetBurstCapacity": float(config.target_burst_capacity),
        "TargetUtilization": float(config.target_utilization),
    })
}

fn defaults(config: &Defaults) -> Value {
    let one = |key: &str, text: &str| Some(BTreeMap::from([(key.to_owned(), text.to_owned())]));
    let meta = ObjectMeta {
        name: Some("abc".to_owned()),
        namespace: Some("ns".to_owned()),
        labels: one("tier", "gold"),
        annotations: one("note", "n1"),
        ..ObjectMeta::default()
    };
    json!({
        "AllowContainerConcurrencyZero": config.allow_container_concurrency_zero,
        "ContainerConcurrency": config.container_concurrency,
        "ContainerConcurrencyMaxLimit": config.container_concurrency_max_limit,
        "EnableServiceLinks": config.enable_service_links,
        "InitContainerNameTemplate": config.init_container_name(&meta),
        "MaxRevisionTimeoutSeconds": config.max_revision_timeout_seconds,
        "RevisionCPULimit": quantity(config.revision_cpu_limit.as_ref()),
        "RevisionCPURequest": quantity(config.revision_cpu_request.as_ref()),
        "RevisionEphemeralStorageLimit": quantity(config.revision_ephemeral_storage_limit.as_ref()),
        "RevisionEphemeralStorageRequest": quantity(config.revision_ephemeral_storage_request.as_ref()),
        "RevisionIdleTimeoutSeconds": config.revision_idle_timeout_seconds,
        "RevisionMemoryLimit": quantity(config.revision_memory_limit.as_ref()),
        "RevisionMemoryRequest": quantity(config.revision_memory_request.as_ref()),
        "RevisionResponseStartTimeoutSeconds": config.revision_response_start_timeout_seconds,
        "RevisionTimeoutSeconds": config.revision_timeout_seconds,
        "UserContainerNameTemplate": config.user_container_name(&meta),
    })
}

fn deployment(config: &Deployment) -> Value {
    let set = |texts: &BTreeSet<String>| json!(texts);
    let classes: BTreeMap<_, _> = config
        .runtime_class_names
        .iter()
        .map(|(class, selector)| (class, json!({ "Selector": selector })))
        .collect();
    json!({
        "DefaultAffinityType": config.default_affinity_type.as_str(),
        "DigestResolutionTimeout": duration(config.digest_resolution_timeout),
        "PodIsAlwaysSchedulable": config.pod_is_always_schedulable,
        "ProgressDeadline": duration(config.progress_deadline),
        "QueueSidecarCPULimit": quantity(config.queue_sidecar_cpu_limit.as_ref()),
        "QueueSidecarCPURequest": quantity(config.queue_sidecar_cpu_request.as_ref()),
        "QueueSidecarEphemeralStorageLimit": quantity(config.queue_sidecar_ephemeral_storage_limit.as_ref()),
        "QueueSidecarEphemeralStorageRequest": quantity(config.queue_sidecar_ephemeral_storage_request.as_ref()),
        "QueueSidecarImage": config.queue_sidecar_image,
        "QueueSidecarMemoryLimit": quantity(config.queue_sidecar_memory_limit.as_ref()),
        "QueueSidecarMemoryRequest": quantity(config.queue_sidecar_memory_request.as_ref()),
        "QueueSidecarRootCA": config.queue_sidecar_root_ca,
        "QueueSidecarTLSCipherSuites": config.queue_sidecar_tls_cipher_suites,
        "QueueSidecarTLSCurvePreferences": config.queue_sidecar_tls_curve_preferences,
        "QueueSidecarTLSMaxVersion": config.queue_sidecar_tls_max_version,
        "QueueSidecarTLSMinVersion": config.queue_sidecar_tls_min_version,
        "QueueSidecarTokenAudiences": set(&config.queue_sidecar_token_audiences),
        "RegistriesSkippingTagResolving": set(&config.registries_skipping_tag_resolving),
        "RuntimeClassNames": classes,
    })
}

fn domain(config: &Domain) -> Value {
    let domains: BTreeMap<_, _> = config
        .domains
        .iter()
        .map(|(name, domain)| {
            (
                name,
                json!({ "Selector.Selector": domain.selector, "Type": domain.kind }),
            )
        })
        .collect();
    json!({ "Domains": domains })
}

/// The Go field of a flag is its key in other words; three are written apart.
fn features(config: &Features) -> Value {
    let fields: BTreeMap<_, _> = config
        .flags()
        .into_iter()
        .map(|(key, flag)| (go_name(key), flag.as_str()))
        .collect();
    json!(fields)
}

fn go_name(key: &str) -> &str {
    match key {
        "autodetect-http2" => "AutoDetectHTTP2",
        "domainmapping-direct-route-traffic" => "DomainMappingDirectRouteTraffic",
        "kubernetes.containerspec-addcapabilities" => "ContainerSpecAddCapabilities",
        "kubernetes.podspec-affinity" => "PodSpecAffinity",
        "kubernetes.podspec-dnsconfig" => "PodSpecDNSConfig",
        "kubernetes.podspec-dnspolicy" => "PodSpecDNSPolicy",
        "kubernetes.podspec-fieldref" => "PodSpecFieldRef",
        "kubernetes.podspec-hostaliases" => "PodSpecHostAliases",
        "kubernetes.podspec-hostipc" => "PodSpecHostIPC",
        "kubernetes.podspec-hostnetwork" => "PodSpecHostNetwork",
        "kubernetes.podspec-hostpid" => "PodSpecHostPID",
        "kubernetes.podspec-init-containers" => "PodSpecInitContainers",
        "kubernetes.podspec-nodeselector" => "PodSpecNodeSelector",
        "kubernetes.podspec-persistent-volume-claim" => "PodSpecPersistentVolumeClaim",
        "kubernetes.podspec-persistent-volume-write" => "PodSpecPersistentVolumeWrite",
        "kubernetes.podspec-priorityclassname" => "PodSpecPriorityClassName",
        "kubernetes.podspec-runtimeclassname" => "PodSpecRuntimeClassName",
        "kubernetes.podspec-schedulername" => "PodSpecSchedulerName",
        "kubernetes.podspec-securitycontext" => "PodSpecSecurityContext",
        "kubernetes.podspec-shareprocessnamespace" => "PodSpecShareProcessNamespace",
        "kubernetes.podspec-tolerations" => "PodSpecTolerations",
        "kubernetes.podspec-topologyspreadconstraints" => "PodSpecTopologySpreadConstraints",
        "kubernetes.podspec-volumes-csi" => "PodSpecVolumesCSI",
        "kubernetes.podspec-volumes-emptydir" => "PodSpecVolumesEmptyDir",
        "kubernetes.podspec-volumes-ephemeral" => "PodSpecVolumesEphemeral",
        "kubernetes.podspec-volumes-hostpath" => "PodSpecVolumesHostPath",
        "kubernetes.podspec-volumes-image" => "PodSpecVolumesImage",
        "kubernetes.podspec-volumes-mount-propagation" => "PodSpecVolumesMountPropagation",
        "multi-container" => "MultiContainer",
        "multi-container-probing" => "MultiContainerProbing",
        "queueproxy.mount-podinfo" => "QueueProxyMountPodInfo",
        "queueproxy.resource-defaults" => "QueueProxyResourceDefaults",
        "secure-pod-defaults" => "SecurePodDefaults",
        "tag-header-based-routing" => "TagHeaderBasedRouting",
        other => other,
    }
}

fn network(config: &Network) -> Value {
    json!({
        "AutoTLS": config.auto_tls,
        "AutocreateClusterDomainClaims": config.autocreate_cluster_domain_claims,
        "ClusterLocalDomainTLS": config.cluster_local_domain_tls.as_str(),
        "DefaultCertificateClass": config.default_certificate_class,
        "DefaultExternalScheme": config.default_external_scheme,
        "DefaultIngressClass": config.default_ingress_class,
        "DomainTemplate": config.domain_template.source(),
        "EnableMeshPodAddressability": config.enable_mesh_pod_addressability,
        "ExternalDomainTLS": config.external_domain_tls,
        "HTTPProtocol": config.http_protocol.as_str(),
        "InternalEncryption": config.internal_encryption,
        "MeshCompatibilityMode": config.mesh_compatibility_mode.as_str(),
        "NamespaceWildcardCertSelector": config.namespace_wildcard_cert_selector,
        "RolloutDurationSecs": config.rollout_duration_secs,
        "SystemInternalTLS": config.system_internal_tls.as_str(),
        "TagTemplate": config.tag_template.source(),
    })
}

fn misc(case: &Value) -> Result<(), Failed> {
    let text = case["text"].as_str().unwrap_or_default();
    if case["kind"] == "example-checksum" {
        return compare::same("checksum", &json!(example_checksum(text)), &case["value"]);
    }
    let data = BTreeMap::from([
        ("queue-sidecar-image".to_owned(), "queue".to_owned()),
        ("runtime-class-name".to_owned(), text.to_owned()),
    ]);
    let config = match Deployment::parse(&data) {
        Ok(config) => config,
        Err(error) => {
            return same_error(
                &error.to_string(),
                case["error"].as_str().unwrap_or_default(),
            );
        }
    };
    let labels: BTreeMap<String, String> =
        serde_json::from_str(case["args"][0].as_str().unwrap_or("{}"))?;
    compare::same(
        "class",
        &json!({ "got": config.runtime_class_name(&labels) }),
        &json!({ "got": case["value"] }),
    )
}
