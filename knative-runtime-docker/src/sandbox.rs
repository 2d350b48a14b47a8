//! Networks for instances: a container that does nothing but hold one.

use std::net::Ipv4Addr;

use bollard::{
    models::{ContainerCreateBody, ContainerInspectResponse, HostConfig},
    query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder},
};
use knative_core::runtime::InstanceId;

use crate::{
    engine::{Engine, settled, status},
    label::{self, Role},
};

/// The longest host name (RFC 1035 §2.3.4).
const HOST_NAME: usize = 63;

/// A network with an address and a host name, for one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sandbox {
    /// The instance that it is for, or will be.
    pub(crate) instance: InstanceId,
    /// The container's id.
    pub(crate) container: String,
    pub(crate) address: Ipv4Addr,
}

/// How sandboxes are made.
#[derive(Clone, Debug)]
pub(crate) struct Sandboxes {
    pub(crate) engine: Engine,
    pub(crate) platform: String,
    pub(crate) image: String,
    pub(crate) network: String,
    /// Who resolves names; the engine's own way if `None`.
    pub(crate) dns: Option<Ipv4Addr>,
}

impl Sandboxes {
    /// Makes a sandbox and starts it.
    pub(crate) async fn make(
        &self,
        instance: &InstanceId,
    ) -> Result<Sandbox, bollard::errors::Error> {
        let docker = self.engine.docker();
        let name = container_name(&self.platform, instance, "sandbox");
        let container = create(&self.engine, &name, self.body(instance)).await?;
        let started = async {
            docker.start_container(&container, None).await?;
            let inspected = docker.inspect_container(&container, None).await?;
            address(&inspected, &self.network).ok_or_else(|| {
                bollard::errors::Error::DockerStreamError {
                    error: "the engine gave the sandbox no address".to_owned(),
                }
            })
        };
        match started.await {
            Ok(address) => Ok(Sandbox {
                instance: instance.clone(),
                container,
                address,
            }),
            Err(error) => {
                self.remove(&container).await?;
                Err(error)
            }
        }
    }

    /// Takes a sandbox away.
    pub(crate) async fn remove(&self, container: &str) -> Result<(), bollard::errors::Error> {
        remove(&self.engine, container).await
    }

    /// Who resolves names, as its label says it.
    pub(crate) fn resolver(&self) -> Option<String> {
        self.dns.map(|dns| dns.to_string())
    }

    /// The label that says who resolves names.
    pub(crate) fn dns_label(&self) -> Option<(String, String)> {
        Some((label::DNS.to_owned(), self.resolver()?))
    }

    /// Gives a container a network of its own.
    pub(crate) fn join(&self, host: HostConfig) -> HostConfig {
        HostConfig {
            network_mode: Some(self.network.clone()),
            dns: self.dns.map(|dns| vec![dns.to_string()]),
            dns_options: self.dns.map(|_| vec!["ndots:0".to_owned()]),
            ..host
        }
    }

    fn body(&self, instance: &InstanceId) -> ContainerCreateBody {
        let mut labels = label::of_container(&self.platform, instance, Role::Sandbox);
        labels.extend(self.dns_label());
        ContainerCreateBody {
            hostname: Some(host_name(instance)),
            image: Some(self.image.clone()),
            entrypoint: Some(vec![crate::infra::PROGRAM.to_owned()]),
            labels: Some(labels),
            host_config: Some(self.join(HostConfig {
                // The containers of an instance share it, as those of a pod do.
                ipc_mode: Some("shareable".to_owned()),
                ..harmless()
            })),
            ..ContainerCreateBody::default()
        }
    }
}

/// The host name of an instance: its name, as far as it fits.
pub(crate) fn host_name(instance: &InstanceId) -> String {
    let name: String = instance.as_str().chars().take(HOST_NAME).collect();
    name.trim_end_matches(['-', '.']).to_owned()
}

/// What a container of ours may do that does nothing.
pub(crate) fn harmless() -> HostConfig {
    HostConfig {
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        readonly_rootfs: Some(true),
        ..HostConfig::default()
    }
}

/// Makes a container under a name and answers with its id. One that has the name is what a start left that was cut short:
/// by a crash of the platform, or by an engine that made it and did not answer.
pub(crate) async fn create(
    engine: &Engine,
    name: &str,
    body: ContainerCreateBody,
) -> Result<String, bollard::errors::Error> {
    let options = CreateContainerOptionsBuilder::default().name(name).build();
    let docker = engine.docker();
    let mut made = docker
        .create_container(Some(options.clone()), body.clone())
        .await;
    if made.as_ref().err().and_then(status) == Some(409) {
        remove(engine, name).await?;
        made = docker.create_container(Some(options), body).await;
    }
    Ok(made?.id)
}

/// The name of a container, as `docker ps` shows it.
pub(crate) fn container_name(platform: &str, instance: &InstanceId, container: &str) -> String {
    format!("kn-{platform}.{instance}.{container}")
}

/// Takes a container away, with the volumes that have no name.
pub(crate) async fn remove(engine: &Engine, container: &str) -> Result<(), bollard::errors::Error> {
    let options = RemoveContainerOptionsBuilder::default()
        .force(true)
        .v(true)
        .build();
    settled(
        engine
            .docker()
            .remove_container(container, Some(options))
            .await,
    )
}

/// The address of a container on a network.
pub(crate) fn address(container: &ContainerInspectResponse, network: &str) -> Option<Ipv4Addr> {
    let networks = container.network_settings.as_ref()?.networks.as_ref()?;
    networks.get(network)?.ip_address.as_deref()?.parse().ok()
}
