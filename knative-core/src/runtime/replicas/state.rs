//! What is wanted, what is there, and which of it may go. Pure bookkeeping.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::api::core::v1::PodTemplateSpec;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::runtime::{Exit, Instance, InstanceId, Running, Workload, WorkloadId};

/// How many exits of one instance may wait for its driver, which takes each before the next start.
const EXITS: usize = 4;

/// A workload as it was applied last.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) template: Arc<PodTemplateSpec>,
    pub(super) replicas: usize,
    pub(super) start_timeout: Duration,
    /// Its instances that are not being stopped.
    pub(super) members: BTreeSet<InstanceId>,
}

/// An instance and how to reach its driver.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) instance: Arc<Instance>,
    pub(super) stop: CancellationToken,
    exits: mpsc::Sender<Exit>,
}

impl Member {
    pub(super) fn new(instance: Instance) -> (Self, mpsc::Receiver<Exit>) {
        let (exits, receiver) = mpsc::channel(EXITS);
        let member = Self {
            instance: Arc::new(instance),
            stop: CancellationToken::new(),
            exits,
        };
        (member, receiver)
    }
}

/// All that is known.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) workloads: BTreeMap<WorkloadId, Wanted>,
    pub(super) members: BTreeMap<InstanceId, Member>,
    /// What an earlier run left, by workload, until it is claimed.
    pub(super) found: BTreeMap<WorkloadId, Vec<Running>>,
}

impl State {
    pub(super) fn want(&mut self, workload: &Workload) {
        let replicas = usize::try_from(workload.replicas).unwrap_or(usize::MAX);
        let wanted = self
            .workloads
            .entry(workload.id.clone())
            .or_insert_with(|| Wanted {
                template: Arc::clone(&workload.template),
                replicas,
                start_timeout: workload.start_timeout,
                members: BTreeSet::new(),
            });
        wanted.template = Arc::clone(&workload.template);
        wanted.replicas = replicas;
        wanted.start_timeout = workload.start_timeout;
    }

    /// How many instances are to be started.
    pub(super) fn missing(&self, id: &WorkloadId) -> usize {
        let wanted = self.workloads.get(id);
        wanted.map_or(0, |wanted| {
            wanted.replicas.saturating_sub(wanted.members.len())
        })
    }

    /// Stops what is too much: those in `retire` first, then those that are not ready; never a healthy one unnamed.
    pub(super) fn stop_surplus(&mut self, id: &WorkloadId, retire: &[InstanceId]) {
        let Some(wanted) = self.workloads.get_mut(id) else {
            return;
        };
        let surplus = wanted.members.len().saturating_sub(wanted.replicas);
        let named = retire.iter().filter(|id| wanted.members.contains(*id));
        let unready = wanted.members.iter().filter(|id| {
            let ready = self
                .members
                .get(*id)
                .is_some_and(|member| member.instance.state.is_ready());
            !ready && !retire.contains(id)
        });
        let victims: Vec<InstanceId> = named.chain(unready).take(surplus).cloned().collect();
        for victim in victims {
            wanted.members.remove(&victim);
            if let Some(member) = self.members.get(&victim) {
                member.stop.cancel();
            }
        }
    }

    pub(super) fn delete(&mut self, id: &WorkloadId) {
        for member in self
            .workloads
            .remove(id)
            .into_iter()
            .flat_map(|wanted| wanted.members)
        {
            if let Some(member) = self.members.get(&member) {
                member.stop.cancel();
            }
        }
    }

    /// Stops one instance; answers with its workload.
    pub(super) fn evict(&mut self, id: &InstanceId) -> Option<WorkloadId> {
        let member = self.members.get(id)?;
        member.stop.cancel();
        let workload = member.instance.workload.clone();
        if let Some(wanted) = self.workloads.get_mut(&workload) {
            wanted.members.remove(id);
        }
        Some(workload)
    }

    pub(super) fn stop_all(&mut self) {
        self.workloads.clear();
        for member in self.members.values() {
            member.stop.cancel();
        }
    }

    pub(super) fn exited(&self, id: &InstanceId, exit: Exit) {
        if let Some(member) = self.members.get(id) {
            // A driver that has not taken earlier exits restarts anyway: one more tells it nothing new.
            let _ = member.exits.try_send(exit);
        }
    }

    pub(super) fn forget(&mut self, id: &InstanceId, workload: &WorkloadId) {
        self.members.remove(id);
        if let Some(wanted) = self.workloads.get_mut(workload) {
            wanted.members.remove(id);
        }
    }

    pub(super) fn instances(&self) -> Vec<Arc<Instance>> {
        self.members
            .values()
            .map(|member| Arc::clone(&member.instance))
            .collect()
    }
}
