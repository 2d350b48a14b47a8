//! Keeps pods, Deployments and Endpoints in the store as the runtime tells of instances.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Endpoints, Pod, PodTemplateSpec};
use knative_core::object::ObjectExt as _;
use knative_core::runtime::{Instance, InstanceId, InstanceState, WorkloadId, WorkloadRuntime};
use knative_core::store::{ApiObject, DeleteOptions, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{Instances, Workloads, deployment, endpoints, pod};
use crate::reconcile::pod_autoscaler::Registry;
use crate::reconcile::revision::template::pod_template;
use crate::reconcile::shell::Shell;

/// Shows what runs. Everything is written by one task, which merges what happens while it writes.
#[derive(Debug)]
pub(crate) struct Projection {
    pub(crate) shell: Shell,
    pub(crate) runtime: Arc<dyn WorkloadRuntime>,
    pub(crate) workloads: Arc<Workloads>,
    pub(crate) registry: Arc<Registry>,
}

/// What was written of a workload.
#[derive(Debug, Default)]
struct Shown {
    deployment: Option<Deployment>,
    pods: BTreeMap<InstanceId, Pod>,
    endpoints: Option<Endpoints>,
}

impl Shown {
    fn is_nothing(&self) -> bool {
        self.deployment.is_none() && self.pods.is_empty() && self.endpoints.is_none()
    }
}

impl Projection {
    /// Shows until `shutdown`.
    pub(crate) async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let mut shown: BTreeMap<WorkloadId, Box<Shown>> = BTreeMap::new();
        loop {
            let changed = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                changed = self.workloads.changed.next() => changed,
            };
            for workload in changed {
                let entry = shown.entry(workload.clone()).or_default();
                // The states of a pod and a Deployment are large.
                if let Err(error) = Box::pin(self.show(&workload, entry)).await {
                    debug!(%error, %workload, "what runs could not be shown");
                }
                if entry.is_nothing() {
                    shown.remove(&workload);
                }
            }
        }
    }

    async fn show(&self, workload: &WorkloadId, shown: &mut Shown) -> Result<(), StoreError> {
        let instances = self.workloads.instances(workload);
        if instances.is_empty() {
            self.registry.without_instances(workload);
        }
        let revision = self.workloads.revision_of(workload);
        let revision =
            revision.and_then(|name| self.shell.caches.revisions.get(&name.namespace, &name.name));
        let Some(revision) = revision else {
            return self.hide(shown).await;
        };
        let name = knative_core::store::NamespacedName::of(&*revision);
        let replicas = self
            .registry
            .scale(&name)
            .map_or(0, |scale| scale.requested);
        let template = self.registry.template(&name).map_or_else(
            || pod_template(&revision, None),
            |template| (*template).clone(),
        );
        let wanted = deployment::deployment(&revision, template, replicas, &instances);
        let template = wanted.spec.template.clone();
        let mut owner = self.put(wanted, &mut shown.deployment).await?;
        owner.spec.template = template;
        self.show_pods(&owner, &instances, shown).await?;
        let wanted = endpoints::endpoints(&revision, &instances);
        self.put(wanted, &mut shown.endpoints).await.map(drop)
    }

    async fn show_pods(
        &self,
        owner: &Deployment,
        instances: &Instances,
        shown: &mut Shown,
    ) -> Result<(), StoreError> {
        for (id, instance) in instances {
            let mut written = shown.pods.remove(id);
            let was_running = written.as_ref().is_some_and(is_running);
            let before = written.as_ref().and_then(|pod| pod.status.clone());
            let pod = self.put(pod::pod(owner, instance), &mut written).await?;
            if let Some(written) = written {
                shown.pods.insert(id.clone(), written);
            }
            // Another instance of the workload may be why this one is looked at.
            if pod.status != before {
                self.tell(&pod, instance, was_running);
            }
        }
        let gone: Vec<InstanceId> = shown
            .pods
            .keys()
            .filter(|id| !instances.contains_key(*id))
            .cloned()
            .collect();
        for id in gone {
            if let Some(pod) = shown.pods.remove(&id) {
                self.remove(&pod).await?;
            }
        }
        Ok(())
    }

    async fn hide(&self, shown: &mut Shown) -> Result<(), StoreError> {
        for pod in std::mem::take(&mut shown.pods).into_values() {
            self.remove(&pod).await?;
        }
        if let Some(endpoints) = shown.endpoints.take() {
            self.remove(&endpoints).await?;
        }
        match shown.deployment.take() {
            Some(deployment) => self.remove(&deployment).await,
            None => Ok(()),
        }
    }

    /// Writes what differs from what was written before.
    async fn put<K: ApiObject + Projected>(
        &self,
        wanted: K,
        written: &mut Option<K>,
    ) -> Result<K, StoreError> {
        let api = self.shell.api::<K>();
        let existing = match written.take() {
            Some(existing) => existing,
            None => self.shell.create_or_get(&wanted).await?.0,
        };
        let mut now = existing;
        if !wanted.is_as(&now) {
            now = api.update(&wanted.over(&now)).await?;
        }
        if !wanted.says_as(&now) {
            let mut next = wanted;
            next.meta_mut().uid.clone_from(&now.meta().uid);
            now = api.update_status(&next).await?;
        }
        *written = Some(now.clone().remembered());
        Ok(now)
    }

    async fn remove<K: ApiObject>(&self, object: &K) -> Result<(), StoreError> {
        let api = self.shell.api::<K>();
        let options = DeleteOptions::default();
        match api
            .delete(object.namespace(), object.name(), &options)
            .await
        {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// Tells what is news of an instance.
    fn tell(&self, pod: &Pod, instance: &Instance, was_running: bool) {
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let name = containers.map(|container| container.name.as_str()).next();
        let name = pod::ended(&instance.state).or(name).unwrap_or_default();
        let events = &self.shell.events;
        match &instance.state {
            InstanceState::Ready { .. } if !was_running => {
                let message = format!("Started container {name}: {}", instance.phases);
                events.normal(pod, "Started", message);
            }
            InstanceState::BackingOff { error, .. } if error.reason() == "ContainerCreating" => {
                events.warning(pod, "FailedMount", error.to_string());
            }
            InstanceState::BackingOff { error, .. } => {
                let message = format!("Back-off restarting container {name}: {error}");
                events.warning(pod, "BackOff", message);
            }
            InstanceState::Stopping if was_running => {
                events.normal(pod, "Killing", format!("Stopping container {name}"));
            }
            _ => {}
        }
    }
}

fn is_running(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    phase == Some("Running")
}

/// A kind that is written from what runs.
trait Projected: Sized {
    /// Whether `stored` has this spec.
    fn is_as(&self, stored: &Self) -> bool;
    /// Whether `stored` has this status.
    fn says_as(&self, stored: &Self) -> bool;
    /// This spec, with the metadata of `stored`.
    fn over(&self, stored: &Self) -> Self;
    /// What of it is compared with later.
    fn remembered(self) -> Self {
        self
    }
}

impl Projected for Pod {
    fn is_as(&self, _: &Self) -> bool {
        true
    }
    fn says_as(&self, stored: &Self) -> bool {
        self.status == stored.status
    }
    fn over(&self, stored: &Self) -> Self {
        stored.clone()
    }
}

impl Projected for Deployment {
    fn is_as(&self, stored: &Self) -> bool {
        self.spec.replicas == stored.spec.replicas
    }
    fn says_as(&self, stored: &Self) -> bool {
        self.status == stored.status
    }
    fn over(&self, stored: &Self) -> Self {
        Self {
            metadata: stored.metadata.clone(),
            ..self.clone()
        }
    }
    fn remembered(mut self) -> Self {
        self.spec.template = PodTemplateSpec::default();
        self
    }
}

impl Projected for Endpoints {
    fn is_as(&self, stored: &Self) -> bool {
        self.subsets == stored.subsets
    }
    fn says_as(&self, _: &Self) -> bool {
        true
    }
    fn over(&self, stored: &Self) -> Self {
        Self {
            metadata: stored.metadata.clone(),
            subsets: self.subsets.clone(),
        }
    }
}
