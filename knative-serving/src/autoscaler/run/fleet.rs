//! The instances of a workload, and those on their way out. Pure.

use std::collections::{BTreeMap, BTreeSet};

use knative_core::runtime::{Instance, InstanceId};

/// What was seen of a workload's instances, and what was begun with them.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    /// Whether each is ready.
    seen: BTreeMap<InstanceId, bool>,
    /// They finish their requests.
    draining: BTreeSet<InstanceId>,
    /// They may be stopped.
    drained: BTreeSet<InstanceId>,
    /// They are being stopped, each for another one.
    replaced: BTreeSet<InstanceId>,
}

impl Fleet {
    /// Answers whether the number of ready ones changed.
    pub(super) fn see(&mut self, instance: &Instance) -> bool {
        let ready = instance.state.is_ready();
        self.seen
            .insert(instance.id.clone(), ready)
            .unwrap_or(false)
            != ready
    }

    pub(super) fn forget(&mut self, id: &InstanceId) {
        self.seen.remove(id);
        self.draining.remove(id);
        self.drained.remove(id);
        self.replaced.remove(id);
    }

    /// How many take requests.
    pub(super) fn ready(&self) -> u32 {
        let ready = self
            .seen
            .iter()
            .filter(|(id, ready)| **ready && self.stays(id));
        u32::try_from(ready.count()).unwrap_or(u32::MAX)
    }

    /// How many of those that take requests are beyond `wanted`. Others a runtime stops by itself.
    pub(super) fn surplus(&self, wanted: u32) -> usize {
        let surplus = self.ready().saturating_sub(wanted);
        usize::try_from(surplus).unwrap_or(usize::MAX)
    }

    /// Those on their way out without requests that are wanted after all.
    pub(super) fn missed(&self, wanted: u32) -> Vec<InstanceId> {
        let staying = self.seen.keys().filter(|id| self.stays(id)).count();
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        let missed = self.drained.iter().take(wanted.saturating_sub(staying));
        missed.cloned().collect()
    }

    /// It takes requests again.
    pub(super) fn restore(&mut self, id: &InstanceId) {
        self.drained.remove(id);
    }

    /// It is being replaced.
    pub(super) fn give_up(&mut self, id: InstanceId) {
        self.drained.remove(&id);
        self.replaced.insert(id);
    }

    fn stays(&self, id: &InstanceId) -> bool {
        ![&self.draining, &self.drained, &self.replaced]
            .into_iter()
            .any(|out| out.contains(id))
    }

    /// Lets `count` go that have no requests, the newest first.
    pub(super) fn drop_any(&mut self, count: usize) {
        let ready = self.seen.iter().rev().filter(|(_, ready)| **ready);
        let staying = ready.map(|(id, _)| id).filter(|id| self.stays(id));
        let dropped: Vec<InstanceId> = staying.take(count).cloned().collect();
        self.drained.extend(dropped);
    }

    pub(super) fn drain(&mut self, ids: Vec<InstanceId>) {
        self.draining.extend(ids);
    }

    /// They have finished their requests.
    pub(super) fn set_drained(&mut self, ids: Vec<InstanceId>) {
        for id in ids {
            if self.draining.remove(&id) && self.seen.contains_key(&id) {
                self.drained.insert(id);
            }
        }
    }

    /// How many still finish requests; a runtime has to keep them.
    pub(super) fn draining(&self) -> u32 {
        u32::try_from(self.draining.len()).unwrap_or(u32::MAX)
    }

    /// Which ones may be stopped.
    pub(super) fn to_retire(&self) -> Vec<InstanceId> {
        self.drained.iter().cloned().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use knative_core::{
        http::{Body, Endpoint, Response, boxed},
        runtime::{InstanceState, WorkloadId},
    };

    use super::*;

    fn id(id: &str) -> InstanceId {
        InstanceId::new(id)
    }

    fn fleet(ready: &[(&str, bool)]) -> Fleet {
        let mut fleet = Fleet::default();
        for (name, ready) in ready {
            let workload = WorkloadId::new("n", "w");
            let mut instance = Instance::starting(id(name), workload, Timestamp::UNIX_EPOCH);
            if *ready {
                let answer = |_| async { Ok(Response::new(Body::empty())) };
                let endpoint = Endpoint::Service(boxed(tower::service_fn(answer)));
                instance.state = InstanceState::Ready { endpoint };
            }
            assert_eq!(fleet.see(&instance), *ready);
        }
        fleet
    }

    #[test]
    fn only_those_that_take_requests_are_surplus() {
        let mut fleet = fleet(&[("a", true), ("b", true), ("c", false)]);
        assert_eq!(
            (fleet.ready(), fleet.surplus(1), fleet.surplus(2)),
            (2, 1, 0)
        );
        fleet.drop_any(1);
        assert_eq!((fleet.to_retire(), fleet.ready()), (vec![id("b")], 1));
    }

    #[test]
    fn what_is_drained_is_missed_when_more_are_wanted_again() {
        let mut fleet = fleet(&[("a", true), ("b", true)]);
        fleet.drain(vec![id("b")]);
        assert!(fleet.missed(2).is_empty());
        fleet.set_drained(vec![id("b")]);
        assert!(fleet.missed(1).is_empty());
        assert_eq!(fleet.missed(2), [id("b")]);
        fleet.give_up(id("b"));
        assert!(fleet.missed(2).is_empty() && fleet.to_retire().is_empty());
        assert_eq!(fleet.ready(), 1);
    }

    #[test]
    fn an_instance_counts_until_it_is_drained_and_is_named_until_it_is_gone() {
        let mut fleet = fleet(&[("a", true), ("b", true)]);
        fleet.drain(vec![id("b")]);
        assert_eq!(
            (fleet.ready(), fleet.draining(), fleet.surplus(1)),
            (1, 1, 0)
        );
        assert!(fleet.to_retire().is_empty());
        fleet.set_drained(vec![id("b")]);
        assert_eq!((fleet.draining(), fleet.to_retire()), (0, vec![id("b")]));
        fleet.forget(&id("b"));
        assert!(fleet.to_retire().is_empty() && !fleet.is_empty());
    }
}
