//! From a container of an instance to what the engine is asked to make. Pure.

mod limits;
mod security;

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount};
use knative_core::runtime::{ContainerSpec, InstanceSpec};

use crate::{
    label::{self, Role},
    sandbox::{self, Sandboxes},
};

pub(crate) use self::{
    limits::{BadQuantity, limits},
    security::{non_root, user},
};

/// How much of a container's log is kept, twice: the engine begins a new file then.
const LOG_SIZE: &str = "10m";
/// The port of a container that declares none.
const DEFAULT_PORT: u16 = 8080;

/// Where a container has its network.
#[derive(Clone, Debug)]
pub(crate) enum Footing<'a> {
    /// With a sandbox.
    Joined(&'a str),
    /// It has its own.
    Alone(&'a Sandboxes),
}

/// What a container is made with, beside what its spec says.
#[derive(Clone, Debug)]
pub(crate) struct Ground<'a> {
    pub(crate) platform: &'a str,
    pub(crate) spec: &'a InstanceSpec,
    pub(crate) footing: Footing<'a>,
    /// The image's reference or id.
    pub(crate) image: String,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) role: Role,
    /// How much of its file system is there from the start, in bytes, where the engine bounds what a container writes.
    pub(crate) written: Option<i64>,
}

/// What the engine is asked to make of a container.
pub(crate) fn container(
    container: &ContainerSpec,
    ground: Ground<'_>,
) -> Result<ContainerCreateBody, BadQuantity> {
    let labels = labels(container, &ground);
    let pod = ground.spec.security_context.as_ref();
    let own = container.security_context.as_ref();
    let environment = container.env.iter();
    let limits = limits(&container.resources, ground.written)?;
    let (hostname, network) = network(&ground, limits);
    Ok(ContainerCreateBody {
        image: Some(ground.image),
        entrypoint: some(&container.command),
        cmd: some(&container.args),
        working_dir: container.working_dir.clone(),
        env: Some(
            environment
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
        ),
        user: user(pod, own),
        labels: Some(labels),
        hostname,
        // The template's probes decide, never the image's own check.
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..HealthConfig::default()
        }),
        host_config: Some(HostConfig {
            mounts: Some(ground.mounts),
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".to_owned()),
                config: Some(HashMap::from([
                    ("max-size".to_owned(), LOG_SIZE.to_owned()),
                    ("max-file".to_owned(), "2".to_owned()),
                ])),
            }),
            ..security::restrict(pod, own, network)
        }),
        ..ContainerCreateBody::default()
    })
}

fn labels(container: &ContainerSpec, ground: &Ground<'_>) -> HashMap<String, String> {
    let spec = ground.spec;
    let mut labels = label::of_container(ground.platform, &spec.id, ground.role);
    labels.extend([
        (label::CONTAINER.to_owned(), container.name.clone()),
        (
            label::NAMESPACE.to_owned(),
            spec.workload.namespace.to_string(),
        ),
        (label::WORKLOAD.to_owned(), spec.workload.name.to_string()),
    ]);
    let message = &container.termination_message;
    if message.fall_back_to_log {
        labels.insert(label::FALL_BACK.to_owned(), "true".to_owned());
    }
    if spec
        .serving()
        .is_some_and(|serving| serving.name == container.name)
    {
        labels.insert(label::PORT.to_owned(), serving_port(spec).to_string());
    }
    if let Footing::Alone(sandboxes) = ground.footing {
        labels.extend(sandboxes.dns_label());
    }
    let pod = spec.labels.iter();
    labels.extend(pod.map(|(name, value)| (format!("{}{name}", label::POD), value.clone())));
    labels
}

/// A host name belongs to the network, and so to the sandbox where there is one.
fn network(ground: &Ground<'_>, host: HostConfig) -> (Option<String>, HostConfig) {
    match ground.footing {
        Footing::Joined(sandbox) => {
            let joined = Some(format!("container:{sandbox}"));
            let host = HostConfig {
                network_mode: joined.clone(),
                ipc_mode: joined,
                ..host
            };
            (None, host)
        }
        Footing::Alone(sandboxes) => {
            let hostname = sandbox::host_name(&ground.spec.id);
            (Some(hostname), sandboxes.join(host))
        }
    }
}

/// Where the instance takes requests: the first port that its serving container declares, else what `PORT` says, else
/// Knative's default.
pub(crate) fn serving_port(spec: &InstanceSpec) -> u16 {
    let serving = spec.serving();
    let declared = serving.and_then(|serving| serving.ports.first());
    let told = || {
        let mut variables = serving?.env.iter();
        let (_, port) = variables.find(|(name, _)| name == "PORT")?;
        port.parse().ok()
    };
    declared
        .map(|port| port.port)
        .or_else(told)
        .unwrap_or(DEFAULT_PORT)
}

fn some(words: &[String]) -> Option<Vec<String>> {
    (!words.is_empty()).then(|| words.to_vec())
}

#[cfg(test)]
mod tests {
    use knative_core::runtime::{InstanceId, WorkloadId};

    use super::*;

    #[test]
    fn an_images_own_check_does_not_run() {
        let spec = InstanceSpec::new(
            InstanceId::new("pod-a"),
            WorkloadId::new("default", "w"),
            ContainerSpec::default(),
        );
        let ground = Ground {
            platform: "p",
            spec: &spec,
            footing: Footing::Joined("sandbox"),
            image: "image".to_owned(),
            mounts: Vec::new(),
            role: Role::Main,
            written: Some(0),
        };
        let made = container(&spec.containers[0], ground).unwrap();
        let test = made.healthcheck.and_then(|check| check.test);
        assert_eq!(test, Some(vec!["NONE".to_owned()]));
    }
}
