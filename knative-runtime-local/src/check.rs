//! Which fields of a pod template a process on this machine cannot honour. Pure.

use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec, SecurityContext};
use knative_core::runtime::Unsupported;

/// What this machine offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// The user that the platform, and so every process, runs as.
    pub(crate) uid: u32,
    /// The group likewise.
    pub(crate) gid: u32,
    /// Whether memory limits can be enforced.
    pub(crate) memory_limits: bool,
}

/// Names every field that cannot be honoured.
pub(crate) fn check(template: &PodTemplateSpec, host: Host) -> Vec<Unsupported> {
    let Some(spec) = &template.spec else {
        return Vec::new();
    };
    let mut found = Unsupported::beside_one_container(
        template,
        "an instance is one process, on the machine's file system",
    );
    found.extend(pod(spec, host));
    for (index, container) in spec.containers.iter().enumerate() {
        found.extend(self::container(
            &format!("spec.containers[{index}]"),
            container,
            host,
        ));
    }
    found
}

fn pod(spec: &PodSpec, host: Host) -> Vec<Unsupported> {
    let mut found = Vec::new();
    if let Some(context) = &spec.security_context {
        let path = "spec.securityContext";
        found.extend(user(
            path,
            context.run_as_user,
            context.run_as_group,
            context.run_as_non_root,
            host,
        ));
    }
    found
}

fn container(path: &str, container: &Container, host: Host) -> Vec<Unsupported> {
    let mut found = resources(path, container, host);
    if let Some(context) = &container.security_context {
        found.extend(security(&format!("{path}.securityContext"), context, host));
    }
    found
}

fn resources(path: &str, container: &Container, host: Host) -> Vec<Unsupported> {
    let Some(resources) = &container.resources else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if resources
        .requests
        .as_ref()
        .is_some_and(|requests| !requests.is_empty())
    {
        found.push(Unsupported::ignored(
            format!("{path}.resources.requests"),
            "processes are not scheduled",
        ));
    }
    for name in resources.limits.iter().flat_map(|limits| limits.keys()) {
        if name != "memory" {
            found.push(Unsupported::ignored(
                format!("{path}.resources.limits.{name}"),
                "it is not limited for processes",
            ));
        } else if !host.memory_limits {
            found.push(Unsupported::ignored(
                format!("{path}.resources.limits.memory"),
                "no memory cgroup of this machine is writable",
            ));
        }
    }
    found
}

fn security(path: &str, context: &SecurityContext, host: Host) -> Vec<Unsupported> {
    let mut found = user(
        path,
        context.run_as_user,
        context.run_as_group,
        context.run_as_non_root,
        host,
    );
    let added = context
        .capabilities
        .as_ref()
        .and_then(|capabilities| capabilities.add.as_ref());
    if added.is_some_and(|added| !added.is_empty()) {
        found.push(Unsupported::refused(
            format!("{path}.capabilities.add"),
            "processes keep the platform's capabilities",
        ));
    }
    let dropped = context
        .capabilities
        .as_ref()
        .and_then(|capabilities| capabilities.drop.as_ref());
    if dropped.is_some_and(|dropped| !dropped.is_empty()) {
        found.push(Unsupported::ignored(
            format!("{path}.capabilities.drop"),
            "processes keep the platform's capabilities",
        ));
    }
    if context.read_only_root_filesystem == Some(true) {
        found.push(Unsupported::ignored(
            format!("{path}.readOnlyRootFilesystem"),
            "processes share the machine's file system",
        ));
    }
    if context.seccomp_profile.is_some() {
        found.push(Unsupported::ignored(
            format!("{path}.seccompProfile"),
            "processes are not confined",
        ));
    }
    if context.allow_privilege_escalation == Some(false) {
        found.push(Unsupported::ignored(
            format!("{path}.allowPrivilegeEscalation"),
            "processes are not confined",
        ));
    }
    found
}

fn user(
    path: &str,
    uid: Option<i64>,
    gid: Option<i64>,
    non_root: Option<bool>,
    host: Host,
) -> Vec<Unsupported> {
    let mut found = Vec::new();
    if uid.is_some_and(|uid| uid != i64::from(host.uid)) {
        let reason = format!("processes run as the platform's user {}", host.uid);
        found.push(Unsupported::refused(format!("{path}.runAsUser"), reason));
    }
    if gid.is_some_and(|gid| gid != i64::from(host.gid)) {
        let reason = format!("processes run as the platform's group {}", host.gid);
        found.push(Unsupported::refused(format!("{path}.runAsGroup"), reason));
    }
    if non_root == Some(true) && host.uid == 0 {
        found.push(Unsupported::refused(
            format!("{path}.runAsNonRoot"),
            "the platform, and so every process, runs as root",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{Capabilities, GRPCAction, Probe, Volume};

    use super::*;

    const HOST: Host = Host {
        uid: 1000,
        gid: 1000,
        memory_limits: false,
    };

    fn template(change: impl FnOnce(&mut PodSpec)) -> PodTemplateSpec {
        let mut spec = PodSpec {
            containers: vec![Container::default()],
            ..PodSpec::default()
        };
        change(&mut spec);
        PodTemplateSpec {
            spec: Some(spec),
            ..PodTemplateSpec::default()
        }
    }

    /// A change of the template, and the fields that it makes the check name: refused ones with a `!`.
    type Row = (&'static str, fn(&mut PodSpec), &'static [&'static str]);

    #[test]
    fn names_what_it_cannot_honour() {
        let rows: &[Row] = &[
            ("plain", |_| {}, &[]),
            (
                "two containers",
                |spec| spec.containers.push(Container::default()),
                &["!spec.containers"],
            ),
            (
                "volume",
                |spec| spec.volumes = Some(vec![Volume::default()]),
                &["!spec.volumes"],
            ),
            (
                "gRPC probe",
                |spec| {
                    spec.containers[0].readiness_probe = Some(Probe {
                        grpc: Some(GRPCAction::default()),
                        ..Probe::default()
                    });
                },
                &[],
            ),
            (
                "own user",
                |spec| {
                    spec.containers[0].security_context = Some(SecurityContext {
                        run_as_user: Some(1000),
                        run_as_non_root: Some(true),
                        ..SecurityContext::default()
                    });
                },
                &[],
            ),
            (
                "another user",
                |spec| {
                    spec.containers[0].security_context = Some(SecurityContext {
                        run_as_user: Some(0),
                        ..SecurityContext::default()
                    });
                },
                &["!spec.containers[0].securityContext.runAsUser"],
            ),
            (
                "capabilities",
                |spec| {
                    spec.containers[0].security_context = Some(SecurityContext {
                        capabilities: Some(Capabilities {
                            add: Some(vec!["NET_ADMIN".to_owned()]),
                            drop: Some(vec!["ALL".to_owned()]),
                        }),
                        ..SecurityContext::default()
                    });
                },
                &[
                    "!spec.containers[0].securityContext.capabilities.add",
                    "spec.containers[0].securityContext.capabilities.drop",
                ],
            ),
        ];
        for (name, change, want) in rows {
            let found: Vec<String> = check(&template(change), HOST)
                .into_iter()
                .map(|found| format!("{}{}", if found.ignored { "" } else { "!" }, found.field))
                .collect();
            assert_eq!(found, *want, "{name}");
        }
    }
}
