//! What is wanted, what is there, and which of it may go. Pure bookkeeping.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::api::core::v1::PodTemplateSpec;
use tokio::sync::{mpsc, watch};

use crate::runtime::{
    Exit, Instance, InstanceId, Running, Standby, StandbyKind, Workload, WorkloadId,
};

/// How many exits of one instance may wait for its driver, which takes each before the next start.
const EXITS: usize = 4;

/// What an instance is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Run,
    /// Wait in reserve.
    Wait,
    Stop,
}

/// A workload as it was applied last.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) template: Arc<PodTemplateSpec>,
    pub(super) replicas: usize,
    pub(super) start_timeout: Duration,
    /// Its instances that run, or are to.
    pub(super) members: BTreeSet<InstanceId>,
    /// What it keeps in reserve.
    pub(super) standby: Option<Standby>,
    /// Its instances in reserve.
    pub(super) reserve: BTreeSet<InstanceId>,
}

/// An instance and how to reach its driver.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) instance: Arc<Instance>,
    /// What it is made of.
    template: Arc<PodTemplateSpec>,
    pub(super) want: watch::Sender<Want>,
    exits: mpsc::Sender<Exit>,
}

impl Member {
    pub(super) fn new(
        instance: Instance,
        template: Arc<PodTemplateSpec>,
        want: Want,
    ) -> (Self, mpsc::Receiver<Exit>) {
        let (exits, receiver) = mpsc::channel(EXITS);
        let member = Self {
            instance: Arc::new(instance),
            template,
            want: watch::Sender::new(want),
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
    /// Takes note of what a workload is to be; instances in reserve are of its template only.
    pub(super) fn want(&mut self, workload: &Workload, standby: Option<Standby>) {
        let replicas = count(workload.replicas);
        let wanted = self
            .workloads
            .entry(workload.id.clone())
            .or_insert_with(|| Wanted {
                template: Arc::clone(&workload.template),
                replicas,
                start_timeout: workload.start_timeout,
                members: BTreeSet::new(),
                standby,
                reserve: BTreeSet::new(),
            });
        let outdated = wanted.standby != standby || !same(&wanted.template, &workload.template);
        if outdated {
            for id in std::mem::take(&mut wanted.reserve) {
                tell(&self.members, &id, Want::Stop);
            }
        }
        wanted.standby = standby;
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

    /// Takes an instance out of the reserve, to run: a paused one goes on where a created one has to start.
    pub(super) fn wake(&mut self, id: &WorkloadId) -> bool {
        let Some(wanted) = self.workloads.get_mut(id) else {
            return false;
        };
        let Some(woken) = wanted.reserve.pop_first() else {
            return false;
        };
        tell(&self.members, &woken, Want::Run);
        wanted.members.insert(woken);
        true
    }

    /// How many instances are to be made for the reserve.
    pub(super) fn missing_in_reserve(&self, id: &WorkloadId) -> usize {
        let wanted = self.workloads.get(id);
        let standby = wanted.and_then(|wanted| Some((wanted, wanted.standby?)));
        let of_created = standby.filter(|(_, standby)| standby.kind == StandbyKind::Created);
        of_created.map_or(0, |(wanted, standby)| {
            count(standby.count).saturating_sub(wanted.reserve.len())
        })
    }

    /// Lets an instance go that is not needed: into the reserve where there is room for a paused one, else for good.
    fn let_go(&mut self, workload: &WorkloadId, id: &InstanceId) {
        let Some(wanted) = self.workloads.get_mut(workload) else {
            return;
        };
        wanted.members.remove(id);
        let ready = self.members.get(id).is_some_and(|member| {
            member.instance.state.is_ready() && same(&member.template, &wanted.template)
        });
        let room = wanted.standby.is_some_and(|standby| {
            standby.kind == StandbyKind::Paused && wanted.reserve.len() < count(standby.count)
        });
        if ready && room {
            wanted.reserve.insert(id.clone());
            tell(&self.members, id, Want::Wait);
        } else {
            tell(&self.members, id, Want::Stop);
        }
    }

    /// Stops what is too much: those in `retire` first, then those that are not ready; never a healthy one unnamed.
    pub(super) fn stop_surplus(&mut self, id: &WorkloadId, retire: &[InstanceId]) {
        let Some(wanted) = self.workloads.get(id) else {
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
            self.let_go(id, &victim);
        }
    }

    pub(super) fn delete(&mut self, id: &WorkloadId) {
        for member in self
            .workloads
            .remove(id)
            .into_iter()
            .flat_map(|wanted| wanted.members.into_iter().chain(wanted.reserve))
        {
            tell(&self.members, &member, Want::Stop);
        }
    }

    /// Stops one instance; answers with its workload.
    pub(super) fn evict(&mut self, id: &InstanceId) -> Option<WorkloadId> {
        let member = self.members.get(id)?;
        member.want.send_replace(Want::Stop);
        let workload = member.instance.workload.clone();
        if let Some(wanted) = self.workloads.get_mut(&workload) {
            wanted.members.remove(id);
            wanted.reserve.remove(id);
        }
        Some(workload)
    }

    pub(super) fn stop_all(&mut self) {
        self.workloads.clear();
        for member in self.members.values() {
            member.want.send_replace(Want::Stop);
        }
    }

    pub(super) fn exited(&mut self, id: &InstanceId, exit: Exit) {
        // One that nobody has claimed yet is started anew by whoever does.
        let mut found = self.found.values_mut().flatten();
        if let Some(running) = found.find(|running| running.id == *id) {
            running.endpoint = None;
        }
        if let Some(member) = self.members.get(id) {
            // A driver that has not taken earlier exits restarts anyway: one more tells it nothing new.
            let _ = member.exits.try_send(exit);
        }
    }

    pub(super) fn forget(&mut self, id: &InstanceId, workload: &WorkloadId) {
        self.members.remove(id);
        self.leave(id, workload);
    }

    /// An instance counts no more for its workload.
    pub(super) fn leave(&mut self, id: &InstanceId, workload: &WorkloadId) {
        if let Some(wanted) = self.workloads.get_mut(workload) {
            wanted.members.remove(id);
            wanted.reserve.remove(id);
        }
    }

    pub(super) fn instances(&self) -> Vec<Arc<Instance>> {
        self.members
            .values()
            .map(|member| Arc::clone(&member.instance))
            .collect()
    }
}

fn same(one: &Arc<PodTemplateSpec>, other: &Arc<PodTemplateSpec>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

fn tell(members: &BTreeMap<InstanceId, Member>, id: &InstanceId, want: Want) {
    if let Some(member) = members.get(id) {
        member.want.send_replace(want);
    }
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
