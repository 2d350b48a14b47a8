//! All revisions that the gateway knows, and the instances that were seen.

use std::{collections::BTreeMap, sync::Arc};

use knative_core::runtime::{Instance, InstanceId, Observation, WorkloadId};
use parking_lot::{Mutex, RwLock};

use super::{
    RevisionConfig, RevisionKey,
    live::Revision,
    shards::{FixedMap, shard},
    shared::Signals,
};

/// Locks, so that revisions do not wait for each other.
const SHARDS: usize = 64;

#[derive(Debug)]
pub(super) struct Registry {
    revisions: Vec<RwLock<FixedMap<RevisionKey, Arc<Revision>>>>,
    workloads: Vec<Mutex<FixedMap<WorkloadId, Workload>>>,
}

/// What is known of a workload. Instances may be seen before the revision is told of, as after a restart.
#[derive(Debug, Default)]
struct Workload {
    revision: Option<Arc<Revision>>,
    instances: BTreeMap<InstanceId, Arc<Instance>>,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            revisions: (0..SHARDS).map(|_| RwLock::default()).collect(),
            workloads: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }
}

impl Registry {
    pub(super) fn get(&self, key: &RevisionKey) -> Option<Arc<Revision>> {
        self.revisions[shard(key, SHARDS)].read().get(key).cloned()
    }

    /// How many requests are in the gateway, waiting or served.
    pub(super) fn concurrency(&self) -> u64 {
        let of_shard = |shard: &RwLock<FixedMap<RevisionKey, Arc<Revision>>>| {
            let revisions = shard.read();
            let requests = revisions
                .values()
                .map(|revision| u64::from(revision.concurrency()));
            requests.sum::<u64>()
        };
        self.revisions.iter().map(of_shard).sum()
    }

    pub(super) fn set(&self, key: &RevisionKey, config: RevisionConfig, signals: &Arc<Signals>) {
        let workload = config.workload.clone();
        let (revision, before) = self.insert(key, config, signals);
        if before.as_ref() == Some(&workload) {
            return;
        }
        if let Some(before) = before {
            self.unlink(&before);
        }
        self.link(workload, revision);
    }

    /// Answers with the workload that served the revision before.
    fn insert(
        &self,
        key: &RevisionKey,
        config: RevisionConfig,
        signals: &Arc<Signals>,
    ) -> (Arc<Revision>, Option<WorkloadId>) {
        let mut revisions = self.revisions[shard(key, SHARDS)].write();
        if let Some(revision) = revisions.get(key) {
            let before = revision.config().workload.clone();
            revision.set_config(config);
            return (Arc::clone(revision), Some(before));
        }
        let revision = Arc::new(Revision::new(key.clone(), config, Arc::clone(signals)));
        revisions.insert(key.clone(), Arc::clone(&revision));
        (revision, None)
    }

    pub(super) fn remove(&self, key: &RevisionKey) {
        let removed = self.revisions[shard(key, SHARDS)].write().remove(key);
        if let Some(revision) = removed {
            self.unlink(&revision.config().workload);
            revision.remove();
        }
    }

    pub(super) fn observe(&self, observation: &Observation) {
        match observation {
            Observation::Instance(instance) => self.seen(instance),
            Observation::Gone { id, workload } => self.gone(id, workload),
            _ => {}
        }
    }

    /// Takes back that an instance was retired.
    pub(super) fn restore(&self, key: &RevisionKey, id: &InstanceId) {
        let Some(revision) = self.get(key) else {
            return;
        };
        revision.restore(id);
        let workload = &revision.config().workload;
        let workloads = self.workloads[shard(workload, SHARDS)].lock();
        let known = workloads.get(workload);
        if let Some(instance) = known.and_then(|known| known.instances.get(id)) {
            revision.observe(instance);
        }
    }

    fn link(&self, id: WorkloadId, revision: Arc<Revision>) {
        let mut workloads = self.workloads[shard(&id, SHARDS)].lock();
        let workload = workloads.entry(id).or_default();
        for instance in workload.instances.values() {
            revision.observe(instance);
        }
        workload.revision = Some(revision);
    }

    fn unlink(&self, id: &WorkloadId) {
        let mut workloads = self.workloads[shard(id, SHARDS)].lock();
        let Some(workload) = workloads.get_mut(id) else {
            return;
        };
        if let Some(revision) = workload.revision.take() {
            for instance in workload.instances.keys() {
                revision.forget(instance);
            }
        }
        if workload.instances.is_empty() {
            workloads.remove(id);
        }
    }

    fn seen(&self, instance: &Arc<Instance>) {
        let id = &instance.workload;
        let mut workloads = self.workloads[shard(id, SHARDS)].lock();
        if !workloads.contains_key(id) {
            workloads.insert(id.clone(), Workload::default());
        }
        let Some(workload) = workloads.get_mut(id) else {
            return;
        };
        let (id, shared) = (instance.id.clone(), Arc::clone(instance));
        workload.instances.insert(id, shared);
        if let Some(revision) = &workload.revision {
            revision.observe(instance);
        }
    }

    fn gone(&self, id: &InstanceId, workload: &WorkloadId) {
        let mut workloads = self.workloads[shard(workload, SHARDS)].lock();
        let Some(known) = workloads.get_mut(workload) else {
            return;
        };
        known.instances.remove(id);
        match &known.revision {
            Some(revision) => revision.forget(id),
            None if known.instances.is_empty() => drop(workloads.remove(workload)),
            None => {}
        }
    }
}
