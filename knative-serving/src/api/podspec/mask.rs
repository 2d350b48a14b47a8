//! Which fields may be set. What is not listed here is refused.

use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, EnvVarSource, PodSecurityContext, PodSpec, Probe,
    ResourceRequirements, SecurityContext, Volume, VolumeMount, VolumeProjection,
};
use knative_core::admission::FieldErrors;
use serde::Serialize;
use serde_json::Value;

use crate::config::{Features, Flag};

/// The fields of a canonical value that are set and not allowed.
fn check(value: &impl Serialize, allowed: &[&str]) -> FieldErrors {
    let Ok(Value::Object(fields)) = serde_json::to_value(value) else {
        return FieldErrors::none();
    };
    let refused: Vec<String> = fields
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| !allowed.contains(&name.as_str()))
        .collect();
    if refused.is_empty() {
        FieldErrors::none()
    } else {
        FieldErrors::disallowed_fields(refused)
    }
}

/// Whether `secure-pod-defaults` is on in one of its forms.
pub(super) fn is_secure(features: &Features) -> bool {
    matches!(
        features.secure_pod_defaults,
        Flag::Enabled | Flag::AllowRootBounded
    )
}

pub(super) fn pod(pod: &PodSpec, features: &Features) -> FieldErrors {
    let mut allowed = vec![
        "serviceAccountName",
        "containers",
        "volumes",
        "imagePullSecrets",
        "enableServiceLinks",
    ];
    if pod.automount_service_account_token == Some(false) {
        allowed.push("automountServiceAccountToken");
    }
    let gated = gated_pod_fields(features);
    allowed.extend(
        gated
            .iter()
            .filter(|(_, open)| *open)
            .map(|(name, _)| *name),
    );
    check(pod, &allowed)
}

fn gated_pod_fields(features: &Features) -> [(&'static str, bool); 16] {
    let open = |flag: Flag| !flag.is_disabled();
    let security = open(features.pod_spec_security_context) || open(features.secure_pod_defaults);
    [
        ("affinity", open(features.pod_spec_affinity)),
        (
            "topologySpreadConstraints",
            open(features.pod_spec_topology_spread_constraints),
        ),
        ("hostAliases", open(features.pod_spec_host_aliases)),
        ("nodeSelector", open(features.pod_spec_node_selector)),
        (
            "runtimeClassName",
            open(features.pod_spec_runtime_class_name),
        ),
        ("tolerations", open(features.pod_spec_tolerations)),
        ("securityContext", security),
        (
            "shareProcessNamespace",
            open(features.pod_spec_share_process_namespace),
        ),
        (
            "priorityClassName",
            open(features.pod_spec_priority_class_name),
        ),
        ("schedulerName", open(features.pod_spec_scheduler_name)),
        ("initContainers", open(features.pod_spec_init_containers)),
        ("dnsPolicy", open(features.pod_spec_dns_policy)),
        ("dnsConfig", open(features.pod_spec_dns_config)),
        ("hostIPC", open(features.pod_spec_host_ipc)),
        ("hostPID", open(features.pod_spec_host_pid)),
        ("hostNetwork", open(features.pod_spec_host_network)),
    ]
}

pub(super) fn container(container: &Container) -> FieldErrors {
    const ALLOWED: [&str; 17] = [
        "name",
        "args",
        "command",
        "env",
        "workingDir",
        "envFrom",
        "image",
        "imagePullPolicy",
        "livenessProbe",
        "ports",
        "readinessProbe",
        "resources",
        "securityContext",
        "startupProbe",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "volumeMounts",
    ];
    check(container, &ALLOWED)
}

pub(super) fn resources(resources: &ResourceRequirements) -> FieldErrors {
    check(resources, &["limits", "requests"])
}

pub(super) fn port(port: &ContainerPort) -> FieldErrors {
    check(port, &["containerPort", "name", "protocol"])
}

pub(super) fn env_source(source: &EnvVarSource, features: &Features) -> FieldErrors {
    if features.pod_spec_field_ref.is_disabled() {
        check(source, &["configMapKeyRef", "secretKeyRef"])
    } else {
        check(
            source,
            &[
                "configMapKeyRef",
                "secretKeyRef",
                "fieldRef",
                "resourceFieldRef",
            ],
        )
    }
}

/// Nothing of a probe may be set. Its handler has no name of its own, so the path is that of the probe.
pub(super) fn no_probe(probe: &Probe) -> FieldErrors {
    const HANDLERS: [&str; 4] = ["exec", "httpGet", "tcpSocket", "grpc"];
    let handler = probe.exec.is_some()
        || probe.http_get.is_some()
        || probe.tcp_socket.is_some()
        || probe.grpc.is_some();
    let errors = check(probe, &HANDLERS);
    if handler {
        errors.also(FieldErrors::disallowed_fields([""]))
    } else {
        errors
    }
}

pub(super) fn volume(volume: &Volume, features: &Features) -> FieldErrors {
    let open = |flag: Flag| !flag.is_disabled();
    let gated = [
        ("emptyDir", features.pod_spec_volumes_empty_dir),
        (
            "persistentVolumeClaim",
            features.pod_spec_persistent_volume_claim,
        ),
        ("hostPath", features.pod_spec_volumes_host_path),
        ("csi", features.pod_spec_volumes_csi),
        ("ephemeral", features.pod_spec_volumes_ephemeral),
        ("image", features.pod_spec_volumes_image),
    ];
    let mut allowed = vec!["name", "secret", "configMap", "projected"];
    allowed.extend(
        gated
            .iter()
            .filter(|(_, flag)| open(*flag))
            .map(|(name, _)| *name),
    );
    check(volume, &allowed)
}

pub(super) fn projection(projection: &VolumeProjection) -> FieldErrors {
    check(
        projection,
        &["secret", "configMap", "serviceAccountToken", "downwardAPI"],
    )
}

pub(super) fn mount(mount: &VolumeMount, features: &Features) -> FieldErrors {
    let mut allowed = vec!["name", "readOnly", "mountPath", "subPath"];
    if !features.pod_spec_volumes_mount_propagation.is_disabled() {
        allowed.push("mountPropagation");
    }
    check(mount, &allowed)
}

/// With secure defaults a pod may opt out of the seccomp profile even where the rest is not open.
pub(super) fn pod_security(context: &PodSecurityContext, features: &Features) -> FieldErrors {
    const ALLOWED: [&str; 6] = [
        "runAsUser",
        "runAsGroup",
        "runAsNonRoot",
        "fsGroup",
        "supplementalGroups",
        "seccompProfile",
    ];
    if features.pod_spec_security_context.is_disabled() {
        let seccomp = is_secure(features) && is_plain_seccomp(context);
        return check(context, if seccomp { &["seccompProfile"] } else { &[] });
    }
    check(context, &ALLOWED)
}

fn is_plain_seccomp(context: &PodSecurityContext) -> bool {
    context.seccomp_profile.as_ref().is_some_and(|profile| {
        matches!(profile.type_.as_str(), "RuntimeDefault" | "Unconfined")
            && profile.localhost_profile.is_none()
    })
}

pub(super) fn security(context: &SecurityContext) -> FieldErrors {
    let mut allowed = vec![
        "capabilities",
        "readOnlyRootFilesystem",
        "runAsUser",
        "runAsGroup",
        "runAsNonRoot",
        "allowPrivilegeEscalation",
        "seccompProfile",
    ];
    if context.privileged == Some(false) {
        allowed.push("privileged");
    }
    check(context, &allowed)
}

pub(super) fn capabilities(capabilities: &Capabilities, features: &Features) -> FieldErrors {
    let low_ports = || capabilities.add.as_deref() == Some(&["NET_BIND_SERVICE".to_owned()]);
    let add = features.container_spec_add_capabilities.is_enabled()
        || (is_secure(features) && low_ports());
    check(capabilities, if add { &["drop", "add"] } else { &["drop"] })
}
