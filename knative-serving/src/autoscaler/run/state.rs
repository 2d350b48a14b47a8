//! The loop's state and what it does about each event.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use jiff::Timestamp;
use knative_core::{
    Clock,
    runtime::{InstanceState, Observation, RuntimeError, WorkloadId, WorkloadRuntime},
};
use tokio_util::time::DelayQueue;

use super::{
    ScaleTarget, ScalerHandle,
    fleet::Fleet,
    handle::Order,
    unit::Unit,
    work::{self, Done},
};
use crate::gateway::{GatewayHandle, RevisionKey};

/// Time between two records of load; decisions are made at every other.
const TICK: Duration = Duration::from_secs(1);
/// Time after which a runtime that does not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// All revisions and instances.
pub(super) struct State {
    gateway: GatewayHandle,
    runtime: Arc<dyn WorkloadRuntime>,
    handle: ScalerHandle,
    clock: Arc<dyn Clock>,
    units: BTreeMap<RevisionKey, Unit>,
    /// Instances by workload; they may be seen before their revision is told of.
    fleets: BTreeMap<WorkloadId, Fleet>,
    owners: BTreeMap<WorkloadId, RevisionKey>,
    /// Workloads that end, and the revision that waits for the name.
    leaving: BTreeMap<WorkloadId, Option<Box<ScaleTarget>>>,
    timers: DelayQueue<RevisionKey>,
    work: FuturesUnordered<BoxFuture<'static, Done>>,
}

impl State {
    pub(super) fn new(
        gateway: GatewayHandle,
        runtime: Arc<dyn WorkloadRuntime>,
        handle: ScalerHandle,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            gateway,
            runtime,
            handle,
            clock,
            units: BTreeMap::new(),
            fleets: BTreeMap::new(),
            owners: BTreeMap::new(),
            leaving: BTreeMap::new(),
            timers: DelayQueue::new(),
            work: FuturesUnordered::new(),
        }
    }

    pub(super) async fn run(&mut self) {
        let mut watch = self.runtime.watch().fuse();
        let (gateway, handle) = (self.gateway.clone(), self.handle.clone());
        loop {
            tokio::select! {
                biased;
                Some(done) = self.work.next(), if !self.work.is_empty() => self.finish(done),
                Some(observation) = watch.next() => self.observe(&observation),
                key = gateway.demand() => self.wake(&key),
                (key, order) = handle.next_order() => self.obey(&key, order),
                Some(expired) = self.timers.next(), if !self.timers.is_empty() => {
                    self.tick(&expired.into_inner());
                }
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Takes over what the runtime tells: the gateway first, so that who waits is served at once.
    fn observe(&mut self, observation: &Observation) {
        let observation = &without_reserve(observation);
        self.gateway.observe(observation);
        let (workload, changed) = match observation {
            Observation::Instance(instance) => {
                let fleet = self.fleets.entry(instance.workload.clone()).or_default();
                (&instance.workload, fleet.see(instance))
            }
            Observation::Gone { id, workload } => {
                if let Some(fleet) = self.fleets.get_mut(workload) {
                    fleet.forget(id);
                }
                (workload, true)
            }
            _ => return,
        };
        if let Some(key) = self.owners.get(workload).cloned().filter(|_| changed) {
            self.replan(&key);
        } else if self.fleets.get(workload).is_some_and(Fleet::is_empty) {
            self.fleets.remove(workload);
        }
    }

    /// A request waits.
    fn wake(&mut self, key: &RevisionKey) {
        let now = self.now();
        let Some(unit) = self.units.get_mut(key) else {
            return;
        };
        if !unit.is_at_zero() {
            return;
        }
        // The time at rest does not belong to the load that begins now.
        let _ = self.gateway.report(key);
        let ready = ready(&self.fleets, unit);
        let plan = unit.wake(ready, now);
        if unit.is_at_zero() {
            unit.keep_one();
        }
        self.handle.publish(key, unit.status(&plan, ready));
        self.settle(key);
        self.schedule(key, TICK);
    }

    fn obey(&mut self, key: &RevisionKey, order: Order) {
        if order.ends {
            self.let_go(key);
        }
        if let Some(target) = order.target {
            self.take_on(target);
        }
    }

    fn take_on(&mut self, target: Box<ScaleTarget>) {
        if let Some(waiting) = self.leaving.get_mut(&target.workload) {
            *waiting = Some(target);
            return;
        }
        let (now, key) = (self.now(), target.revision.clone());
        self.owners.insert(target.workload.clone(), key.clone());
        if let Some(unit) = self.units.get_mut(&key) {
            unit.set_target(target, now);
        } else {
            let fleet = self.fleets.get(&target.workload);
            let running = fleet.map_or(0, Fleet::ready);
            self.units
                .insert(key.clone(), Unit::new(target, running, now));
        }
        self.replan(&key);
        if self.gateway.waiting(&key) > 0 {
            self.wake(&key);
        }
    }

    fn let_go(&mut self, key: &RevisionKey) {
        let Some(unit) = self.units.remove(key) else {
            self.leaving.values_mut().for_each(|waiting| {
                waiting.take_if(|target| target.revision == *key);
            });
            return;
        };
        if let Some(timer) = unit.timer {
            self.timers.remove(&timer);
        }
        self.handle.forget(key);
        let workload = unit.target.workload.clone();
        self.owners.remove(&workload);
        self.leaving.insert(workload.clone(), None);
        let drained = self.gateway.retire(key, usize::MAX);
        self.work
            .push(work::end(drained, Arc::clone(&self.runtime), workload).boxed());
    }

    /// A second of one revision passed.
    fn tick(&mut self, key: &RevisionKey) {
        let now = self.now();
        let Some(unit) = self.units.get_mut(key) else {
            return;
        };
        unit.timer = None;
        let ready = ready(&self.fleets, unit);
        let report = self.gateway.report(key).unwrap_or_default();
        if let Some(plan) = unit.tick(&report, ready, now) {
            self.handle.publish(key, unit.status(&plan, ready));
        }
        self.settle(key);
        self.next_tick(key);
    }

    /// Plans again by what was decided last, because something else changed.
    fn replan(&mut self, key: &RevisionKey) {
        let now = self.now();
        if let Some(unit) = self.units.get_mut(key) {
            let ready = ready(&self.fleets, unit);
            let plan = unit.plan(ready, now);
            self.handle.publish(key, unit.status(&plan, ready));
        }
        self.settle(key);
        self.next_tick(key);
    }

    /// Lets surplus instances go, and tells the runtime what is wanted.
    fn settle(&mut self, key: &RevisionKey) {
        let Some(unit) = self.units.get_mut(key) else {
            return;
        };
        if unit.is_at_zero() && self.gateway.concurrency(key) > 0 {
            unit.keep_one();
        }
        let none = Fleet::default();
        if let Some(fleet) = self.fleets.get_mut(&unit.target.workload) {
            for id in fleet.missed(unit.wanted()) {
                if unit.was_told_to_retire(&id) {
                    let runtime = Arc::clone(&self.runtime);
                    self.work.push(work::replace(id.clone(), runtime).boxed());
                    fleet.give_up(id);
                } else {
                    self.gateway.restore(key, &id);
                    fleet.restore(&id);
                }
            }
            let surplus = fleet.surplus(unit.wanted());
            if surplus > 0 && self.gateway.ready(key) > 0 {
                let retirement = self.gateway.retire(key, surplus);
                fleet.drain(retirement.instances());
                self.work.push(work::drain(key.clone(), retirement).boxed());
            } else if surplus > 0 {
                // What the gateway does not route to has no requests.
                fleet.drop_any(surplus);
            }
        }
        let fleet = self.fleets.get(&unit.target.workload).unwrap_or(&none);
        if unit.telling {
            return;
        }
        if let Some(wish) = unit.new_wish(fleet) {
            let workload = unit.workload(&wish);
            (unit.wish, unit.telling) = (Some(wish), true);
            let runtime = Arc::clone(&self.runtime);
            self.work
                .push(work::tell(key.clone(), runtime, workload).boxed());
        }
    }

    /// Looks again in a second, unless the revision is at rest.
    fn next_tick(&mut self, key: &RevisionKey) {
        let now = self.now();
        let Some(unit) = self.units.get_mut(key) else {
            return;
        };
        let fleet = self.fleets.get(&unit.target.workload);
        if fleet.is_none_or(Fleet::is_empty) && unit.is_at_rest(now) {
            unit.rest();
            self.fleets.remove(&unit.target.workload);
            if let Some(timer) = unit.timer.take() {
                self.timers.remove(&timer);
            }
        } else if unit.timer.is_none() {
            self.schedule(key, TICK);
        }
    }

    fn schedule(&mut self, key: &RevisionKey, after: Duration) {
        let Some(unit) = self.units.get_mut(key) else {
            return;
        };
        if let Some(timer) = unit.timer.take() {
            self.timers.remove(&timer);
        }
        unit.timer = Some(self.timers.insert(key.clone(), after));
    }

    fn finish(&mut self, done: Done) {
        match done {
            Done::Told(key, result) => self.told(&key, result),
            Done::Drained(key, instances) => {
                if let Some(unit) = self.units.get(&key)
                    && let Some(fleet) = self.fleets.get_mut(&unit.target.workload)
                {
                    fleet.set_drained(instances);
                    self.settle(&key);
                }
            }
            Done::Replaced => {}
            Done::Ended(workload) => {
                if let Some(Some(target)) = self.leaving.remove(&workload) {
                    self.take_on(target);
                }
            }
        }
    }

    fn told(&mut self, key: &RevisionKey, result: Result<(), RuntimeError>) {
        let Some(unit) = self.units.get_mut(key) else {
            return;
        };
        unit.telling = false;
        if let Err(error) = result {
            tracing::warn!(%error, revision = %key, "the runtime was not told of a new scale");
            unit.wish = None;
            self.schedule(key, RETRY);
            return;
        }
        self.settle(key);
        self.next_tick(key);
    }
}

/// An instance in reserve is none for who scales and who routes: it comes back when it is started.
fn without_reserve(observation: &Observation) -> Observation {
    match observation {
        Observation::Instance(instance) if matches!(instance.state, InstanceState::Standby) => {
            Observation::Gone {
                id: instance.id.clone(),
                workload: instance.workload.clone(),
            }
        }
        other => other.clone(),
    }
}

/// How many instances of a revision take requests.
fn ready(fleets: &BTreeMap<WorkloadId, Fleet>, unit: &Unit) -> u32 {
    fleets.get(&unit.target.workload).map_or(0, Fleet::ready)
}
