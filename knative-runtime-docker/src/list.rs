//! What runs of the platform, as the engine's labels tell it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bollard::{
    errors::Error,
    models::{ContainerSummary, ContainerSummaryStateEnum},
    query_parameters::ListContainersOptionsBuilder,
};
use futures::future::join_all;
use knative_core::runtime::{InstanceId, Running, RuntimeError, WorkloadId};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    engine::{ConnectError, gone, text},
    label::{self, Role},
    member::Member,
    sandbox,
    shared::Shared,
};

/// How long an instance that was found may take to accept a connection; one that does not is started anew.
const ACCEPT: Duration = Duration::from_secs(1);

/// After so many seconds a container is known to whoever made it.
const SETTLED: i64 = 60;

impl Shared {
    /// All containers of the platform.
    pub(crate) async fn containers(&self) -> Result<Vec<ContainerSummary>, Error> {
        let filter = label::filter(&self.platform);
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filter)
            .build();
        self.engine.docker().list_containers(Some(options)).await
    }

    /// Takes over what an earlier run of the platform left: whole instances are noted, the rest is removed.
    pub(crate) async fn take_over(self: &Arc<Self>) -> Result<(), ConnectError> {
        let failed = |error: Error| self.engine.unusable(text(&error));
        let mut groups: BTreeMap<InstanceId, Vec<ContainerSummary>> = BTreeMap::new();
        for container in self.containers().await.map_err(failed)? {
            let labels = container.labels.as_ref();
            let instance = labels.and_then(|labels| labels.get(label::INSTANCE));
            let instance = InstanceId::new(instance.cloned().unwrap_or_default());
            groups.entry(instance).or_default().push(container);
        }
        for (id, containers) in groups {
            match workload(&containers) {
                Some(workload) => self.insert(self.found(id, workload, &containers)),
                // A sandbox that waited, or what a start left that had not come further.
                None => self.remove_all(&containers).await.map_err(failed)?,
            }
        }
        self.remove_strays().await.map_err(failed)
    }

    fn found(
        &self,
        id: InstanceId,
        workload: WorkloadId,
        containers: &[ContainerSummary],
    ) -> Arc<Member> {
        let member = Arc::new(Member::new(id, workload));
        let whole = containers.iter().all(|container| {
            let init = role(container) == Some(Role::Init);
            init || runs(container)
        });
        for container in containers {
            let (Some(id), Some(role)) = (&container.id, role(container)) else {
                continue;
            };
            let name = value(container, label::CONTAINER).unwrap_or(role.as_str());
            member.hold(id.clone(), name, role);
            self.track(id, &member);
        }
        let mut state = member.state.lock();
        state.alone = !containers
            .iter()
            .any(|container| role(container) == Some(Role::Sandbox));
        for container in containers {
            // One whose names are resolved by nobody any more is started anew.
            let resolves = value(container, label::DNS) == self.sandboxes.resolver().as_deref();
            // The sandbox has it, or the only container of what stands alone.
            let own = address(container, &self.network.name).filter(|_| whole && resolves);
            state.address = state.address.or(own);
            if let Some(port) = value(container, label::PORT) {
                state.port = port.parse().ok();
                value(container, label::CONTAINER)
                    .unwrap_or_default()
                    .clone_into(&mut state.serving);
            }
            let labels = container.labels.iter().flatten();
            state.labels.extend(labels.filter_map(|(name, value)| {
                Some((name.strip_prefix(label::POD)?.to_owned(), value.clone()))
            }));
        }
        drop(state);
        member
    }

    /// Everything of this platform that runs.
    pub(crate) async fn list(&self) -> Result<Vec<Running>, RuntimeError> {
        // Whether the engine answers at all.
        let containers = self.containers().await;
        containers.map_err(|error| gone("listing containers", error))?;
        let members = self.members();
        let listed = members.iter().map(|member| async move {
            let accepts = match member.endpoint() {
                Some(endpoint) => accepts(endpoint).await && member.run().is_ok(),
                None => false,
            };
            member.listed(accepts)
        });
        Ok(join_all(listed).await)
    }

    /// Removes the containers of the platform that belong to nothing that is known: what the engine was still making when
    /// an earlier run of the platform ended comes after that run's successor has looked.
    pub(crate) async fn sweep(&self) -> Result<(), Error> {
        let all = self.containers().await?;
        let waiting = self.pool.waiting();
        let known = |id: &String| waiting.contains(id) || self.owner(id).is_some();
        // What is being made right now is not known yet.
        let settled = self.clock.now().as_second() - SETTLED;
        let strays: Vec<ContainerSummary> = all
            .into_iter()
            .filter(|container| {
                container.created.unwrap_or_default() < settled || self.end.is_cancelled()
            })
            .filter(|container| !container.id.as_ref().is_some_and(known))
            .collect();
        self.remove_all(&strays).await
    }

    /// Sweeps once, after all that the engine was still making is made.
    pub(crate) async fn sweep_later(self: Arc<Self>) {
        let wait = Duration::from_secs(SETTLED.unsigned_abs() * 2);
        if self.end.run_until_cancelled(sleep(wait)).await.is_some()
            && let Err(error) = self.sweep().await
        {
            tracing::warn!(error = %text(&error), "containers of an earlier run may be left");
        }
    }

    async fn remove_all(&self, containers: &[ContainerSummary]) -> Result<(), Error> {
        for id in containers
            .iter()
            .filter_map(|container| container.id.as_ref())
        {
            sandbox::remove(&self.engine, id).await?;
        }
        Ok(())
    }

    /// Removes volumes and files of instances that have no containers.
    async fn remove_strays(&self) -> Result<(), Error> {
        let known: HashSet<InstanceId> = self
            .members()
            .iter()
            .map(|member| member.id.clone())
            .collect();
        self.remove_volumes_but(&known).await?;
        for id in self.directories.instances().unwrap_or_default() {
            if !known.contains(&id)
                && let Err(error) = self.directories.remove(&id)
            {
                tracing::warn!(instance = %id, %error, "files of volumes could not be removed");
            }
        }
        Ok(())
    }
}

async fn accepts(endpoint: SocketAddr) -> bool {
    matches!(
        timeout(ACCEPT, TcpStream::connect(endpoint)).await,
        Ok(Ok(_))
    )
}

/// Whether a container runs.
fn runs(container: &ContainerSummary) -> bool {
    container.state == Some(ContainerSummaryStateEnum::RUNNING)
}

/// Whether a container has not ended; one that is paused goes on.
pub(crate) fn lives(container: &ContainerSummary) -> bool {
    runs(container) || container.state == Some(ContainerSummaryStateEnum::PAUSED)
}

fn role(container: &ContainerSummary) -> Option<Role> {
    Role::of(container.labels.as_ref()?)
}

fn value<'a>(container: &'a ContainerSummary, label: &str) -> Option<&'a str> {
    container.labels.as_ref()?.get(label).map(String::as_str)
}

fn workload(containers: &[ContainerSummary]) -> Option<WorkloadId> {
    containers.iter().find_map(|container| {
        let labels: &HashMap<String, String> = container.labels.as_ref()?;
        let namespace = labels.get(label::NAMESPACE)?.as_str();
        Some(WorkloadId::new(
            namespace,
            labels.get(label::WORKLOAD)?.as_str(),
        ))
    })
}

fn address(container: &ContainerSummary, network: &str) -> Option<Ipv4Addr> {
    let networks = container.network_settings.as_ref()?.networks.as_ref()?;
    networks.get(network)?.ip_address.as_deref()?.parse().ok()
}
