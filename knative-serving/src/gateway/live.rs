//! A revision's instances and requests, behind one lock.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::AtomicBool},
};

use knative_core::runtime::{Instance, InstanceId, InstanceState, StartError};
use parking_lot::{Mutex, MutexGuard};
use tokio::{sync::oneshot, time::Instant};

use super::{
    Report, RevisionConfig, RevisionKey,
    breaker::{SlotId, Throttle, Ticket},
    drain::Retirement,
    member::Member,
    meter::Meter,
    metrics::Metrics,
    shared::Signals,
    visit::{Place, Visit, Wait},
};

/// A revision as the gateway serves it. Small, because most of them are at zero.
#[derive(Debug)]
pub(super) struct Revision {
    key: RevisionKey,
    /// Whether it is in the queue of demand.
    pub(super) demanded: AtomicBool,
    signals: Arc<Signals>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    config: Arc<RevisionConfig>,
    throttle: Throttle<Arc<Member>, oneshot::Sender<Place>>,
    meter: Meter,
    /// Instances that were told to go: they are not routed again, whatever they say.
    retired: BTreeSet<InstanceId>,
    held_bytes: usize,
    removed: bool,
}

/// What becomes of a request that arrives.
#[derive(Debug)]
pub(super) enum Arrival {
    /// An instance has room for it.
    Served(Visit),
    /// It waits.
    Waits(Wait),
    /// Too many wait, or the revision is gone.
    Refused,
}

impl Revision {
    pub(super) fn new(key: RevisionKey, config: RevisionConfig, signals: Arc<Signals>) -> Self {
        Self {
            key,
            demanded: AtomicBool::new(false),
            signals,
            state: Mutex::new(State {
                throttle: Throttle::new(config.container_concurrency),
                config: Arc::new(config),
                meter: Meter::new(Instant::now()),
                retired: BTreeSet::new(),
                held_bytes: 0,
                removed: false,
            }),
        }
    }

    pub(super) const fn key(&self) -> &RevisionKey {
        &self.key
    }

    pub(super) fn config(&self) -> Arc<RevisionConfig> {
        Arc::clone(&self.state.lock().config)
    }

    pub(super) fn set_config(&self, config: RevisionConfig) {
        let mut state = self.state.lock();
        state.throttle.set_limit(config.container_concurrency);
        state.config = Arc::new(config);
        state.bind_waiting();
    }

    /// Whoever waits is refused; whoever is served stays.
    pub(super) fn remove(&self) {
        let mut state = self.state.lock();
        state.removed = true;
        let waiting = state.throttle.clear_queue();
        drop(state);
        drop(waiting);
    }

    pub(super) fn report(&self, now: Instant) -> Report {
        self.state.lock().meter.report(now)
    }

    /// Requests in the gateway, waiting or served.
    pub(super) fn concurrency(&self) -> u32 {
        self.state.lock().meter.current()
    }

    pub(super) fn waiting(&self) -> usize {
        self.state.lock().throttle.waiting()
    }

    pub(super) fn routed(&self) -> usize {
        self.state.lock().throttle.routed().count()
    }

    /// Takes a request in.
    pub(super) fn arrive(self: &Arc<Self>) -> Arrival {
        let now = Instant::now();
        let mut state = self.state.lock();
        state.meter.enter(now);
        let place = state.throttle.assign();
        let served = place.is_some();
        let visit = Visit::new(Arc::clone(self), Arc::clone(&state.config), place);
        if served {
            Arrival::Served(visit)
        } else if state.is_full() {
            drop(state);
            Arrival::Refused
        } else {
            self.enqueue(state, visit)
        }
    }

    /// Takes a request in that could not be served at `place`.
    pub(super) fn rearrive(self: &Arc<Self>, visit: Visit, place: Option<SlotId>) -> Arrival {
        let mut state = self.state.lock();
        if let Some(slot) = place {
            state.release(slot);
        }
        state.bind_waiting();
        if let Some(place) = state.throttle.assign() {
            return Arrival::Served(visit.with_place(place));
        }
        if state.removed {
            drop(state);
            return Arrival::Refused;
        }
        self.enqueue(state, visit)
    }

    /// The scaler has to hear of it if nobody waited before, or there is no instance at all.
    fn enqueue(self: &Arc<Self>, mut state: MutexGuard<'_, State>, visit: Visit) -> Arrival {
        let cold = state.throttle.routed().next().is_none();
        let demand = cold || state.throttle.waiting() == 0;
        let (sender, receiver) = oneshot::channel();
        let ticket = state.throttle.enqueue(sender);
        drop(state);
        self.signals.metrics.joined_queue();
        if demand {
            self.signals.demand.signal(self);
        }
        Arrival::Waits(Wait::new(visit, ticket, receiver, cold))
    }

    /// A request ends and frees its place.
    pub(super) fn leave(&self, place: Option<SlotId>) {
        let now = Instant::now();
        let mut state = self.state.lock();
        state.meter.exit(now);
        if let Some(slot) = place {
            state.release(slot);
            state.bind_waiting();
        }
    }

    /// A request does not wait any more; a place that it was given in this moment goes to the next.
    pub(super) fn leave_queue(&self, ticket: Option<Ticket>, bytes: usize, unused: Option<SlotId>) {
        self.signals.metrics.left_queue();
        let mut state = self.state.lock();
        state.held_bytes = state.held_bytes.saturating_sub(bytes);
        if let Some(ticket) = ticket {
            state.throttle.leave(ticket);
        }
        if let Some(slot) = unused {
            state.release(slot);
            state.bind_waiting();
        }
    }

    /// Counts bytes that wait in memory; answers whether there may be more.
    pub(super) fn hold(&self, bytes: usize) -> bool {
        let mut state = self.state.lock();
        state.held_bytes += bytes;
        state.held_bytes < state.config.queue.bytes
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.signals.metrics
    }

    /// Takes over an instance's state.
    pub(super) fn observe(&self, instance: &Arc<Instance>) {
        let mut state = self.state.lock();
        match instance.endpoint() {
            Some(_) => state.route(instance),
            None => state.unroute(&instance.id),
        }
        state.bind_waiting();
        if is_outage(instance) && state.throttle.routed().next().is_none() {
            let waiting = state.throttle.clear_queue();
            drop(state);
            drop(waiting);
        }
    }

    /// Whether the revision is served here no more.
    pub(super) fn is_removed(&self) -> bool {
        self.state.lock().removed
    }

    /// An instance is no more; nobody needs to wait for its requests.
    pub(super) fn forget(&self, id: &InstanceId) {
        let mut state = self.state.lock();
        state.unroute(id);
        state.retired.remove(id);
    }

    /// Lets a retired instance be routed when it is seen again.
    pub(super) fn restore(&self, id: &InstanceId) {
        self.state.lock().retired.remove(id);
    }

    /// Takes the `count` instances that can best be missed out of routing.
    pub(super) fn retire(&self, count: usize) -> Retirement {
        let mut state = self.state.lock();
        let timeout = state.config.timeout;
        let mut members = Vec::new();
        for id in state.throttle.victims(count) {
            if let Some(member) = state.member(id) {
                state.retired.insert(member.id().clone());
                state.withdraw(id);
                members.push(member);
            }
        }
        Retirement::new(members, timeout)
    }

    pub(super) fn set_suspect(&self, slot: SlotId, suspect: bool) {
        self.state.lock().throttle.set_suspect(slot, suspect);
    }
}

/// Whether an instance cannot be started because its backend does not answer, not even at another try: who waits for it
/// waits in vain.
fn is_outage(instance: &Instance) -> bool {
    let InstanceState::BackingOff {
        error, failures, ..
    } = &instance.state
    else {
        return false;
    };
    *failures > 1 && matches!(**error, StartError::BackendGone { .. })
}

impl State {
    fn is_full(&self) -> bool {
        let limits = self.config.queue;
        self.removed || self.throttle.waiting() >= limits.items || self.held_bytes >= limits.bytes
    }

    /// Gives free places to those who wait, the first first. One that has left in this moment is passed over.
    fn bind_waiting(&mut self) {
        while let Some((waiter, slot, member)) = self.throttle.bind() {
            if waiter.send((slot, member)).is_err() {
                self.release(slot);
            }
        }
    }

    fn release(&mut self, slot: SlotId) {
        if let Some(drained) = self.throttle.release(slot) {
            drained.set_drained();
        }
    }

    fn withdraw(&mut self, slot: SlotId) {
        if let Some(drained) = self.throttle.withdraw(slot) {
            drained.set_drained();
        }
    }

    fn member(&self, slot: SlotId) -> Option<Arc<Member>> {
        let mut routed = self.throttle.routed();
        let (_, member) = routed.find(|(id, _)| *id == slot)?;
        Some(Arc::clone(member))
    }

    fn route(&mut self, instance: &Arc<Instance>) {
        if self.retired.contains(&instance.id) {
            return;
        }
        let known = self
            .throttle
            .routed()
            .find(|(_, member)| member.is(&instance.id));
        match known {
            Some((_, member)) if member.is_same_run(instance) => return,
            Some((slot, _)) => self.withdraw(slot),
            None => {}
        }
        let same = |member: &Arc<Member>| member.is(&instance.id) && member.is_same_run(instance);
        if !self.throttle.readmit(same) {
            self.throttle
                .insert(Arc::new(Member::new(Arc::clone(instance))));
        }
    }

    fn unroute(&mut self, id: &InstanceId) {
        let known = self.throttle.routed().find(|(_, member)| member.is(id));
        if let Some(slot) = known.map(|(slot, _)| slot) {
            self.withdraw(slot);
        }
    }
}
