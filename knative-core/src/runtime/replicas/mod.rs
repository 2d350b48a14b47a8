//! From instances to workloads: counts, restarts, probes, references, adoption.

mod backoff;
mod builder;
mod driver;
mod expand;
mod health;
mod metrics;
mod render;
mod reserve;
mod resolve;
mod shared;
mod state;
mod token;
mod volumes;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{
    StreamExt,
    future::join_all,
    stream::{self, BoxStream},
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use parking_lot::Mutex;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::builder::ReplicasBuilder;
use self::{metrics::Starts, reserve::Reserve, state::State};
use super::{
    Capabilities, ExecOptions, ExecSession, Instance, InstanceId, InstanceRuntime, LogOptions,
    LogStream, Observation, Running, RuntimeError, Standby, Unsupported, Usage, Workload,
    WorkloadId, WorkloadRuntime, probe::Prober,
};
use crate::{
    Clock, Ids,
    fanout::Fanout,
    http::TokioDial,
    platform::{Component, ComponentError, Context, Stage},
    store::Store,
};

/// How long an instance may take to end after it was asked to, unless its template says. As in Kubernetes.
const DEFAULT_GRACE: Duration = Duration::from_secs(30);
/// How long an instance may take to end with the platform: nobody calls it by then. As `docker stop` has it.
const LAST_GRACE: Duration = Duration::from_secs(10);

/// Keeps replicas on a backend that starts and stops single instances: what a kubelet and a Deployment do together.
///
/// It resolves references (`env` from ConfigMaps, Secrets and fields, `$(VAR)`, files of volumes), probes, restarts
/// what fails with a growing delay, and adopts what an earlier run of the platform left running.
///
/// Dropped without [`Replicas::shutdown`], it lets go of its instances: they run on, to be adopted.
#[derive(Debug)]
pub struct Replicas {
    shared: Arc<Shared>,
}

/// What all drivers share.
struct Shared {
    backend: Arc<dyn InstanceRuntime>,
    store: Option<Arc<dyn Store>>,
    prober: Prober,
    standby: Option<Standby>,
    reserve: Reserve,
    clock: Arc<dyn Clock>,
    ids: Arc<Ids>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    detached: CancellationToken,
    state: Mutex<State>,
    starts: Starts,
    watchers: Fanout<InstanceId, Observation>,
}

impl Replicas {
    /// Replicas on `backend`.
    pub fn builder(backend: Arc<dyn InstanceRuntime>) -> ReplicasBuilder {
        ReplicasBuilder {
            backend,
            store: None,
            dial: Arc::new(TokioDial),
            standby: None,
            standby_memory: None,
        }
    }

    /// Asks the backend what an earlier run of the platform left running. Called once, before the first `apply`,
    /// which then takes over what belongs to its workload.
    ///
    /// # Errors
    /// [`RuntimeError::BackendGone`].
    pub async fn adopt(&self) -> Result<usize, RuntimeError> {
        let running = self.shared.backend.list().await?;
        let count = running.len();
        let mut found: BTreeMap<WorkloadId, Vec<Running>> = BTreeMap::new();
        for instance in running {
            found
                .entry(instance.workload.clone())
                .or_default()
                .push(instance);
        }
        self.shared.state.lock().found = found;
        Ok(count)
    }

    /// Stops what was found by [`Replicas::adopt`] and belongs to a workload that is not `known`; answers with how many
    /// instances that were. Those that could not be stopped are there for another call.
    ///
    /// # Errors
    /// [`RuntimeError::BackendGone`].
    pub async fn reap(
        &self,
        known: impl Fn(&WorkloadId) -> bool + Send,
    ) -> Result<usize, RuntimeError> {
        let orphans: Vec<Running> = {
            let found = &mut self.shared.state.lock().found;
            let unknown: Vec<WorkloadId> = found.keys().filter(|id| !known(id)).cloned().collect();
            unknown
                .iter()
                .filter_map(|id| found.remove(id))
                .flatten()
                .collect()
        };
        let count = orphans.len();
        let grace = if self.shared.shutdown.is_cancelled() {
            LAST_GRACE
        } else {
            DEFAULT_GRACE
        };
        let stops = orphans.into_iter().map(|orphan| async {
            let stopped = self.shared.backend.stop(&orphan.id, grace).await;
            stopped.inspect_err(|_| {
                let found = &mut self.shared.state.lock().found;
                found
                    .entry(orphan.workload.clone())
                    .or_default()
                    .push(orphan);
            })
        });
        let stopped = join_all(stops).await;
        stopped.into_iter().collect::<Result<Vec<()>, _>>()?;
        Ok(count)
    }

    /// Stops every instance and waits until nothing runs.
    pub async fn shutdown(&self) {
        self.shared.shutdown.cancel();
        self.shared.state.lock().stop_all();
        if let Err(error) = self.reap(|_| false).await {
            tracing::warn!(%error, "what an earlier run left could not be stopped");
        }
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        self.shared.backend.shutdown().await;
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        self.shared.detached.cancel();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl WorkloadRuntime for Replicas {
    fn check(&self, template: &PodTemplateSpec) -> Vec<Unsupported> {
        let mut found = self.shared.backend.check(template);
        match Standby::of(template, self.shared.standby) {
            Ok(None) => {}
            Ok(Some(_)) if self.shared.backend.capabilities().standby => {}
            Ok(Some(_)) => found.push(Unsupported::ignored(
                "metadata.annotations[standby.knative.dev/kind]",
                "this runtime keeps no instances in reserve",
            )),
            Err(refused) => found.push(refused),
        }
        found
    }

    async fn apply(&self, workload: &Workload) -> Result<(), RuntimeError> {
        // A template that asks for what cannot be read is refused before by `check`.
        let standby = Standby::of(&workload.template, self.shared.standby).unwrap_or_default();
        let able = self.shared.backend.capabilities().standby;
        let mut state = self.shared.state.lock();
        state.want(workload, standby.filter(|_| able));
        self.shared
            .settle(&mut state, &workload.id, &workload.retire);
        Ok(())
    }

    async fn delete(&self, id: &WorkloadId) -> Result<(), RuntimeError> {
        let orphans = {
            let mut state = self.shared.state.lock();
            state.delete(id);
            state.found.remove(id).unwrap_or_default()
        };
        for orphan in orphans {
            self.shared.backend.stop(&orphan.id, DEFAULT_GRACE).await?;
        }
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Arc<Instance>>, RuntimeError> {
        Ok(self.shared.state.lock().instances())
    }

    fn watch(&self) -> BoxStream<'static, Observation> {
        let state = self.shared.state.lock();
        let existing = state.instances().into_iter().map(Observation::Instance);
        stream::iter(existing.collect::<Vec<_>>())
            .chain(stream::once(async { Observation::Synced }))
            .chain(self.shared.watchers.subscribe())
            .boxed()
    }

    async fn logs(&self, id: &InstanceId, options: &LogOptions) -> Result<LogStream, RuntimeError> {
        self.shared.backend.logs(id, options).await
    }

    async fn exec(
        &self,
        id: &InstanceId,
        options: &ExecOptions,
    ) -> Result<ExecSession, RuntimeError> {
        self.shared.backend.exec(id, options).await
    }

    async fn usage(&self, id: &InstanceId) -> Result<Usage, RuntimeError> {
        self.shared.backend.usage(id).await
    }

    async fn evict(&self, id: &InstanceId) -> Result<(), RuntimeError> {
        let mut state = self.shared.state.lock();
        let workload = state
            .evict(id)
            .ok_or_else(|| RuntimeError::NotFound { id: id.clone() })?;
        self.shared.settle(&mut state, &workload, &[]);
        Ok(())
    }

    fn capabilities(&self) -> Capabilities {
        self.shared.backend.capabilities()
    }
}

#[async_trait]
impl Component for Replicas {
    fn name(&self) -> &'static str {
        "replicas"
    }

    fn stage(&self) -> Stage {
        Stage::Base
    }

    async fn run(
        self: Arc<Self>,
        context: Context,
        shutdown: CancellationToken,
    ) -> Result<(), ComponentError> {
        context.metrics.register(Arc::clone(&self.shared) as _);
        shutdown.cancelled().await;
        self.shutdown().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
