//! A revision's instances and requests behind one lock, and the guards that requests hold.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use knative_core::runtime::{Instance, InstanceId};
use parking_lot::Mutex;
use tokio::{sync::oneshot, time::Instant};

use super::{
    Report, RevisionConfig, RevisionKey,
    breaker::{SlotId, Throttle, Ticket},
    drain::Retirement,
    member::Member,
    meter::Meter,
    metrics::ColdStart,
    shared::Signals,
};

/// An instance that a request may use.
pub(super) type Place = (SlotId, Arc<Member>);

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
        let visit = |place| Visit {
            revision: Arc::clone(self),
            config: Arc::clone(&state.config),
            place,
        };
        if place.is_some() {
            return Arrival::Served(visit(place));
        }
        let visit = visit(None);
        if state.is_full() {
            drop(state);
            return Arrival::Refused;
        }
        let (wait, demand) = state.enqueue(visit, now);
        drop(state);
        self.signals.metrics.joined_queue();
        if demand {
            self.signals.demand.signal(self);
        }
        Arrival::Waits(wait)
    }

    /// Takes over an instance's state.
    pub(super) fn observe(&self, instance: &Arc<Instance>) {
        let mut state = self.state.lock();
        match instance.endpoint() {
            Some(_) => state.route(instance),
            None => state.unroute(&instance.id),
        }
        state.bind_waiting();
    }

    /// An instance is no more; nobody needs to wait for its requests.
    pub(super) fn forget(&self, id: &InstanceId) {
        let mut state = self.state.lock();
        state.unroute(id);
        state.retired.remove(id);
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

    fn set_suspect(&self, slot: SlotId, suspect: bool) {
        self.state.lock().throttle.set_suspect(slot, suspect);
    }
}

impl State {
    fn is_full(&self) -> bool {
        let limits = self.config.queue;
        self.removed || self.throttle.waiting() >= limits.items || self.held_bytes >= limits.bytes
    }

    /// Answers also whether the scaler has to hear of it: nobody waited before, or there is no instance at all.
    fn enqueue(&mut self, visit: Visit, since: Instant) -> (Wait, bool) {
        let cold = self.throttle.routed().next().is_none();
        let demand = cold || self.throttle.waiting() == 0;
        let (sender, receiver) = oneshot::channel();
        let wait = Wait {
            revision: Arc::clone(&visit.revision),
            config: Arc::clone(&visit.config),
            visit: Some(visit),
            ticket: self.throttle.enqueue(sender),
            receiver,
            since,
            cold,
            bytes: 0,
        };
        (wait, demand)
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
        self.throttle
            .insert(Arc::new(Member::new(Arc::clone(instance))));
    }

    fn unroute(&mut self, id: &InstanceId) {
        let known = self.throttle.routed().find(|(_, member)| member.is(id));
        if let Some(slot) = known.map(|(slot, _)| slot) {
            self.withdraw(slot);
        }
    }
}

/// A request in the gateway: it counts until this is dropped, and holds its place at an instance if it has one.
#[derive(Debug)]
pub(super) struct Visit {
    revision: Arc<Revision>,
    pub(super) config: Arc<RevisionConfig>,
    place: Option<Place>,
}

impl Visit {
    pub(super) const fn revision(&self) -> &Arc<Revision> {
        &self.revision
    }

    pub(super) fn member(&self) -> Option<&Arc<Member>> {
        self.place.as_ref().map(|(_, member)| member)
    }

    /// Notes whether the instance takes connections, so that others go first if not.
    pub(super) fn set_reachable(&self, reachable: bool) {
        let Some((slot, member)) = &self.place else {
            return;
        };
        if member.suspect.swap(!reachable, Ordering::AcqRel) == reachable {
            self.revision.set_suspect(*slot, !reachable);
        }
    }

    /// Gives the place back and asks for another one, in front of nobody.
    pub(super) fn again(mut self) -> Arrival {
        let revision = Arc::clone(&self.revision);
        let mut state = revision.state.lock();
        if let Some((slot, _)) = self.place.take() {
            state.release(slot);
        }
        state.bind_waiting();
        self.place = state.throttle.assign();
        if self.place.is_some() {
            return Arrival::Served(self);
        }
        if state.removed {
            drop(state);
            return Arrival::Refused;
        }
        let (wait, demand) = state.enqueue(self, Instant::now());
        drop(state);
        revision.signals.metrics.joined_queue();
        if demand {
            revision.signals.demand.signal(&revision);
        }
        Arrival::Waits(wait)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut state = self.revision.state.lock();
        state.meter.exit(now);
        if let Some((slot, _)) = self.place.take() {
            state.release(slot);
            state.bind_waiting();
        }
    }
}

/// A request that waits. Dropped, it leaves the queue.
#[derive(Debug)]
pub(super) struct Wait {
    revision: Arc<Revision>,
    config: Arc<RevisionConfig>,
    visit: Option<Visit>,
    ticket: Ticket,
    receiver: oneshot::Receiver<Place>,
    since: Instant,
    cold: bool,
    bytes: usize,
}

impl Wait {
    pub(super) const fn config(&self) -> &Arc<RevisionConfig> {
        &self.config
    }

    /// The request's turn; `None` if the revision was removed. May be cancelled and asked again.
    pub(super) async fn turn(&mut self) -> Option<Visit> {
        let place = (&mut self.receiver).await.ok()?;
        let mut visit = self.visit.take()?;
        self.note_cold_start(&place.1);
        visit.place = Some(place);
        Some(visit)
    }

    /// Counts bytes of its body that are held in memory; answers whether more may be.
    pub(super) fn hold(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        let mut state = self.revision.state.lock();
        state.held_bytes += bytes;
        state.held_bytes < state.config.queue.bytes
    }

    /// One per started instance: its other requests waited for the same start.
    fn note_cold_start(&self, member: &Member) {
        if !self.cold || member.counted.swap(true, Ordering::AcqRel) {
            return;
        }
        self.revision.signals.metrics.woke(ColdStart {
            revision: self.revision.key.clone(),
            waited: self.since.elapsed(),
            phases: member.phases().clone(),
        });
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.revision.signals.metrics.left_queue();
        self.receiver.close();
        let unused = self.receiver.try_recv().ok();
        let mut state = self.revision.state.lock();
        state.held_bytes = state.held_bytes.saturating_sub(self.bytes);
        if self.visit.is_some() {
            state.throttle.leave(self.ticket);
        }
        if let Some((slot, _)) = unused {
            state.release(slot);
            state.bind_waiting();
        }
    }
}
