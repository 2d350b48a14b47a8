//! The instances that the runtime tells of, by workload.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt as _;
use knative_core::runtime::{
    Instance, InstanceId, InstanceState, Observation, WorkloadId, WorkloadRuntime,
};
use knative_core::store::NamespacedName;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::reconcile::signal::Signal;

/// Instances by id.
pub(crate) type Instances = BTreeMap<InstanceId, Arc<Instance>>;

/// What runs, and for whom. Reading never waits.
#[derive(Debug, Default)]
pub(crate) struct Workloads {
    state: Mutex<State>,
    /// Revisions whose instances changed.
    pub(crate) revisions: Arc<Signal<NamespacedName>>,
    /// Workloads whose instances changed.
    pub(crate) changed: Arc<Signal<WorkloadId>>,
}

#[derive(Debug, Default)]
struct State {
    instances: BTreeMap<WorkloadId, Instances>,
    revisions: BTreeMap<WorkloadId, NamespacedName>,
}

impl Workloads {
    /// Follows the runtime until `shutdown`.
    pub(crate) async fn follow(
        self: Arc<Self>,
        runtime: Arc<dyn WorkloadRuntime>,
        shutdown: CancellationToken,
    ) {
        let mut watch = runtime.watch();
        loop {
            let observation = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                observation = watch.next() => observation,
            };
            match observation {
                Some(observation) => self.observe(observation),
                None => return,
            }
        }
    }

    /// From now on instances of `workload` are those of `revision`.
    pub(crate) fn serves(&self, workload: &WorkloadId, revision: NamespacedName) {
        let mut state = self.state.lock();
        let before = state.revisions.insert(workload.clone(), revision.clone());
        let known = state.instances.contains_key(workload);
        drop(state);
        if before.is_none() {
            self.changed.tell(workload.clone());
            if known {
                self.revisions.tell(revision);
            }
        }
    }

    /// The workload serves nobody any more.
    pub(crate) fn ends(&self, workload: &WorkloadId) {
        self.state.lock().revisions.remove(workload);
        self.changed.tell(workload.clone());
    }

    /// For which revision a workload runs.
    pub(crate) fn revision_of(&self, workload: &WorkloadId) -> Option<NamespacedName> {
        self.state.lock().revisions.get(workload).cloned()
    }

    /// The workload of an instance that exists and is not about to end.
    pub(crate) fn workload_of(&self, id: &InstanceId) -> Option<WorkloadId> {
        let state = self.state.lock();
        let mut all = state.instances.values();
        let instance = all.find_map(|instances| instances.get(id))?;
        let ends = matches!(instance.state, InstanceState::Stopping);
        (!ends).then(|| instance.workload.clone())
    }

    /// The instances of a workload.
    pub(crate) fn instances(&self, workload: &WorkloadId) -> Instances {
        let state = self.state.lock();
        state.instances.get(workload).cloned().unwrap_or_default()
    }

    fn observe(&self, observation: Observation) {
        let mut state = self.state.lock();
        let workload = match observation {
            Observation::Instance(instance) => {
                let workload = instance.workload.clone();
                let instances = state.instances.entry(workload.clone()).or_default();
                instances.insert(instance.id.clone(), instance);
                workload
            }
            Observation::Gone { id, workload } => {
                if let Some(instances) = state.instances.get_mut(&workload) {
                    instances.remove(&id);
                    if instances.is_empty() {
                        state.instances.remove(&workload);
                    }
                }
                workload
            }
            _ => return,
        };
        let revision = state.revisions.get(&workload).cloned();
        drop(state);
        self.changed.tell(workload);
        if let Some(revision) = revision {
            self.revisions.tell(revision);
        }
    }
}
