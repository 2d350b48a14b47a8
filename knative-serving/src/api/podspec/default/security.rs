//! Secure defaults, where `secure-pod-defaults` is on.

use k8s_openapi::api::core::v1::{
    Capabilities, Container, PodSecurityContext, PodSpec, SecurityContext,
};

use crate::api::podspec::mask::is_secure;
use crate::config::Features;

/// Ports below need a capability of their own.
const UNPRIVILEGED_PORTS: i32 = 1024;

pub(super) fn set_defaults(pod: &mut PodSpec, features: &Features) {
    if !is_secure(features) {
        return;
    }
    let shared = pod.security_context.clone().unwrap_or_default();
    for container in pod
        .containers
        .iter_mut()
        .chain(pod.init_containers.iter_mut().flatten())
    {
        secure(
            container,
            &shared,
            features.secure_pod_defaults.is_enabled(),
        );
    }
}

fn secure(container: &mut Container, shared: &PodSecurityContext, no_root: bool) {
    let low_port = container
        .ports
        .iter()
        .flatten()
        .any(|port| port.container_port < UNPRIVILEGED_PORTS);
    let context = container.security_context.get_or_insert_default();
    context.allow_privilege_escalation.get_or_insert(false);
    seccomp(context, shared);
    context.capabilities.get_or_insert_with(|| Capabilities {
        add: low_port.then(|| vec!["NET_BIND_SERVICE".to_owned()]),
        drop: Some(vec!["ALL".to_owned()]),
    });
    if no_root && shared.run_as_non_root.is_none() {
        context.run_as_non_root.get_or_insert(true);
    }
}

fn seccomp(context: &mut SecurityContext, shared: &PodSecurityContext) {
    if shared
        .seccomp_profile
        .as_ref()
        .is_some_and(|profile| !profile.type_.is_empty())
    {
        return;
    }
    let profile = context.seccomp_profile.get_or_insert_default();
    if profile.type_.is_empty() {
        "RuntimeDefault".clone_into(&mut profile.type_);
    }
}
