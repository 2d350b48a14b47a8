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
    }

    /// How many take requests.
    pub(super) fn ready(&self) -> u32 {
        let ready = self
            .seen
            .iter()
            .filter(|(id, ready)| **ready && self.stays(id));
        u32::try_from(ready.count()).unwrap_or(u32::MAX)
    }

    /// How many are beyond `wanted`, leaving aside those on their way out.
    pub(super) fn surplus(&self, wanted: u32) -> usize {
        let staying = self.seen.keys().filter(|id| self.stays(id)).count();
        staying.saturating_sub(usize::try_from(wanted).unwrap_or(usize::MAX))
    }

    fn stays(&self, id: &InstanceId) -> bool {
        !self.draining.contains(id) && !self.drained.contains(id)
    }

    /// Lets up to `count` of those go that take no requests yet, the newest first; answers how many.
    pub(super) fn drop_unready(&mut self, count: usize) -> usize {
        let unready = self.seen.iter().rev();
        let unready = unready.filter(|(id, ready)| !**ready && self.stays(id));
        let dropped: Vec<InstanceId> = unready.take(count).map(|(id, _)| id.clone()).collect();
        let number = dropped.len();
        self.drained.extend(dropped);
        number
    }

    /// Lets `count` go that have no requests, the newest first.
    pub(super) fn drop_any(&mut self, count: usize) {
        let staying = self.seen.keys().rev().filter(|id| self.stays(id));
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
    fn those_that_take_no_requests_go_first_and_the_newest_of_them() {
        let mut fleet = fleet(&[("a", false), ("b", true), ("c", false)]);
        assert_eq!((fleet.ready(), fleet.surplus(2)), (1, 1));
        assert_eq!(fleet.drop_unready(1), 1);
        assert_eq!(fleet.to_retire(), [id("c")]);
        assert_eq!((fleet.surplus(2), fleet.drop_unready(5)), (0, 1));
        assert_eq!(fleet.surplus(0), 1);
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
