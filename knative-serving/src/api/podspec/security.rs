//! Security contexts of pods and containers.

use k8s_openapi::api::core::v1::{PodSecurityContext, PodSpec, SecurityContext};
use knative_core::admission::{FieldErrors, Level};

use super::mask;
use crate::config::Features;

const INSECURE: &str =
    "Kubernetes default value is insecure, Knative may default this to secure in a future release";

pub(super) fn pod(context: Option<&PodSecurityContext>, features: &Features) -> FieldErrors {
    let Some(context) = context else {
        return FieldErrors::none();
    };
    let mut errors = mask::pod_security(context, features)
        .also(id(context.run_as_user, "runAsUser"))
        .also(id(context.run_as_group, "runAsGroup"))
        .also(id(context.fs_group, "fsGroup"));
    for (index, group) in context.supplemental_groups.iter().flatten().enumerate() {
        errors.push(id(Some(*group), "").via_field_index("supplementalGroups", index));
    }
    errors
}

pub(super) fn container(context: Option<&SecurityContext>, features: &Features) -> FieldErrors {
    let Some(context) = context else {
        return FieldErrors::none();
    };
    let capabilities = context.capabilities.as_ref();
    let capabilities = capabilities
        .map(|capabilities| mask::capabilities(capabilities, features))
        .unwrap_or_default();
    mask::security(context)
        .also(capabilities.via_field("capabilities"))
        .also(id(context.run_as_user, "runAsUser"))
        .also(id(context.run_as_group, "runAsGroup"))
}

/// Ids of users and groups have 31 bits.
fn id(id: Option<i64>, path: &str) -> FieldErrors {
    match id {
        Some(id) if !(0..=i64::from(i32::MAX)).contains(&id) => {
            FieldErrors::out_of_bounds(id, 0, i32::MAX, path)
        }
        _ => FieldErrors::none(),
    }
}

/// Warns of defaults of Kubernetes that the "restricted" profile forbids, unless secure defaults are on.
pub(super) fn warnings(pod: &PodSpec, features: &Features) -> FieldErrors {
    if mask::is_secure(features) {
        return FieldErrors::none();
    }
    let init = pod.init_containers.iter().flatten().enumerate();
    let init = init.map(|(index, container)| ("initContainers", index, container));
    let containers = pod.containers.iter().enumerate();
    let containers = containers.map(|(index, container)| ("containers", index, container));
    let shared = pod.security_context.clone().unwrap_or_default();
    containers
        .chain(init)
        .map(|(list, index, container)| {
            let own = container.security_context.clone().unwrap_or_default();
            insecure(&shared, &own)
                .via_field("securityContext")
                .via_field_index(list, index)
        })
        .fold(FieldErrors::none(), FieldErrors::also)
}

fn insecure(pod: &PodSecurityContext, own: &SecurityContext) -> FieldErrors {
    let mut paths = Vec::new();
    if pod.run_as_non_root.is_none() && own.run_as_non_root.is_none() {
        paths.push("runAsNonRoot");
    }
    if own.allow_privilege_escalation.is_none() {
        paths.push("allowPrivilegeEscalation");
    }
    paths.extend(insecure_seccomp(pod, own));
    let drop = own
        .capabilities
        .as_ref()
        .map(|capabilities| capabilities.drop.as_deref());
    match drop {
        None => paths.push("capabilities"),
        Some(None) => paths.push("capabilities.drop"),
        Some(Some(_)) => {}
    }
    let misspelt = drop
        .flatten()
        .and_then(<[_]>::first)
        .is_some_and(|first| first == "all");
    let errors = paths
        .into_iter()
        .map(|path| FieldErrors::generic(INSECURE, [path]));
    let errors = errors.fold(FieldErrors::none(), FieldErrors::also);
    let misspelt = if misspelt {
        spelling()
    } else {
        FieldErrors::none()
    };
    errors.also(misspelt).at(Level::Warning)
}

fn insecure_seccomp(pod: &PodSecurityContext, own: &SecurityContext) -> Option<&'static str> {
    match (&pod.seccomp_profile, &own.seccomp_profile) {
        (None, None) => Some("seccompProfile"),
        (pod, own) => {
            let mut profiles = pod.iter().chain(own);
            profiles
                .all(|profile| profile.type_.is_empty())
                .then_some("seccompProfile.type")
        }
    }
}

/// `all` drops nothing.
fn spelling() -> FieldErrors {
    FieldErrors::invalid_value("all", "capabilities.drop").with_details("Must be spelled as 'ALL'")
}
