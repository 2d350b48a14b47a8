//! What all tasks of a runtime share: the engine, and which instances and containers are known.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use knative_core::{
    Clock,
    runtime::{InstanceEvent, InstanceId, RuntimeError, StartError, WorkloadId},
};
use parking_lot::Mutex;
use tokio::sync::broadcast;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    DockerImages,
    disk::Disks,
    engine::{ConnectError, Engine, text},
    member::Member,
    network::{self, DockerNetwork},
    pool::Pool,
    pulse::Pulse,
    sandbox::Sandboxes,
    volume::Directories,
};

/// What all tasks share.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) images: DockerImages,
    pub(crate) platform: String,
    pub(crate) infra: String,
    /// Whether the engine bounds what a container writes.
    pub(crate) disks: Disks,
    pub(crate) network: DockerNetwork,
    pub(crate) directories: Directories,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sandboxes: Sandboxes,
    pub(crate) pool: Pool,
    pub(crate) pulse: Pulse,
    pub(crate) tasks: TaskTracker,
    /// The runtime is over: nothing goes on by itself.
    pub(crate) end: CancellationToken,
    pub(crate) events: broadcast::Sender<InstanceEvent>,
    pub(crate) known: Mutex<Known>,
}

/// The instances, and whose a container is.
#[derive(Debug, Default)]
pub(crate) struct Known {
    members: BTreeMap<InstanceId, Arc<Member>>,
    containers: HashMap<String, InstanceId>,
}

impl Shared {
    /// The error of a start while the engine does not answer.
    pub(crate) fn hangs(&self) -> StartError {
        StartError::BackendGone {
            message: format!("the engine at {} hangs", self.engine.host()),
            source: None,
        }
    }

    /// Waits for a call that may be made again, and gives it up while the engine hangs.
    pub(crate) async fn while_it_answers<T>(
        &self,
        call: impl Future<Output = Result<T, RuntimeError>>,
    ) -> Result<T, RuntimeError> {
        tokio::select! {
            biased;
            answer = call => answer,
            () = self.pulse.lost() => Err(RuntimeError::backend_gone("a stop is given up", self.hangs())),
        }
    }

    /// The instance of a name.
    pub(crate) fn member(&self, id: &InstanceId) -> Option<Arc<Member>> {
        self.known.lock().members.get(id).cloned()
    }

    /// All instances.
    pub(crate) fn members(&self) -> Vec<Arc<Member>> {
        self.known.lock().members.values().cloned().collect()
    }

    /// The instance that a container belongs to.
    pub(crate) fn owner(&self, container: &str) -> Option<Arc<Member>> {
        let known = self.known.lock();
        known.members.get(known.containers.get(container)?).cloned()
    }

    /// Takes note of whose a container is.
    pub(crate) fn track(&self, container: &str, member: &Member) {
        let mut known = self.known.lock();
        known
            .containers
            .insert(container.to_owned(), member.id.clone());
    }

    /// Takes note that a container is nobody's any more.
    pub(crate) fn untrack(&self, container: &str) {
        self.known.lock().containers.remove(container);
    }

    /// Takes note of an instance.
    pub(crate) fn insert(&self, member: Arc<Member>) {
        self.known.lock().members.insert(member.id.clone(), member);
    }

    /// Whether this is what is known under its name; another one may have come after it.
    pub(crate) fn is_current(&self, member: &Arc<Member>) -> bool {
        let known = self.known.lock();
        let known = known.members.get(&member.id);
        known.is_some_and(|known| Arc::ptr_eq(known, member))
    }

    /// Forgets an instance that is gone from the engine.
    pub(crate) fn forget(&self, member: &Arc<Member>) {
        let mut known = self.known.lock();
        let same = |known: &Arc<Member>| Arc::ptr_eq(known, member);
        if known.members.get(&member.id).is_some_and(same) {
            known.members.remove(&member.id);
        }
        for held in &member.state.lock().containers {
            known.containers.remove(&held.id);
        }
    }

    pub(crate) fn member_for(&self, id: &InstanceId, workload: &WorkloadId) -> Arc<Member> {
        let mut known = self.known.lock();
        let entry = known.members.entry(id.clone());
        let new = || Arc::new(Member::new(id.clone(), workload.clone()));
        Arc::clone(entry.or_insert_with(new))
    }

    /// A sandbox shows whether addresses on the network can be reached from here.
    pub(crate) async fn check_reachable(&self) -> Result<(), ConnectError> {
        let probe = InstanceId::new("reach");
        let failed = |error| self.engine.unusable(text(&error));
        let sandbox = self.sandboxes.make(&probe).await.map_err(failed)?;
        let reached = network::reachable(&self.engine, sandbox.address).await;
        self.sandboxes
            .remove(&sandbox.container)
            .await
            .map_err(failed)?;
        reached
    }
}
