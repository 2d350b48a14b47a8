//! What a request holds while it is in the gateway.

use std::sync::{Arc, atomic::Ordering};

use tokio::{sync::oneshot, time::Instant};

use super::{
    RevisionConfig,
    breaker::{SlotId, Ticket},
    live::{Arrival, Revision},
    member::Member,
    metrics::ColdStart,
};

/// An instance that a request may use.
pub(super) type Place = (SlotId, Arc<Member>);

/// A request in the gateway: it counts until this is dropped, and holds its place at an instance if it has one.
#[derive(Debug)]
pub(super) struct Visit {
    revision: Arc<Revision>,
    pub(super) config: Arc<RevisionConfig>,
    place: Option<Place>,
}

impl Visit {
    pub(super) const fn new(
        revision: Arc<Revision>,
        config: Arc<RevisionConfig>,
        place: Option<Place>,
    ) -> Self {
        Self {
            revision,
            config,
            place,
        }
    }

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

    /// Gives the place back and asks for another one, behind those who wait.
    pub(super) fn again(mut self) -> Arrival {
        let place = self.place.take().map(|(slot, _)| slot);
        let revision = Arc::clone(&self.revision);
        revision.rearrive(self, place)
    }

    pub(super) fn with_place(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let place = self.place.take().map(|(slot, _)| slot);
        self.revision.leave(place);
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
    /// Whether its revision is served here no more.
    pub(super) fn is_for_nobody(&self) -> bool {
        self.revision.is_removed()
    }

    pub(super) fn new(
        visit: Visit,
        ticket: Ticket,
        receiver: oneshot::Receiver<Place>,
        cold: bool,
    ) -> Self {
        Self {
            revision: Arc::clone(&visit.revision),
            config: Arc::clone(&visit.config),
            visit: Some(visit),
            ticket,
            receiver,
            since: Instant::now(),
            cold,
            bytes: 0,
        }
    }

    pub(super) const fn config(&self) -> &Arc<RevisionConfig> {
        &self.config
    }

    /// The request's turn; `None` if the revision was removed. May be cancelled and asked again.
    pub(super) async fn turn(&mut self) -> Option<Visit> {
        let place = (&mut self.receiver).await.ok()?;
        let visit = self.visit.take()?;
        self.note_cold_start(&place.1);
        Some(visit.with_place(place))
    }

    /// Counts bytes of its body that are held in memory; answers whether more may be.
    pub(super) fn hold(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        self.revision.hold(bytes)
    }

    /// One per started instance: its other requests waited for the same start.
    fn note_cold_start(&self, member: &Member) {
        if !self.cold || member.counted.swap(true, Ordering::AcqRel) {
            return;
        }
        self.revision.metrics().woke(ColdStart {
            revision: self.revision.key().clone(),
            waited: self.since.elapsed(),
            phases: member.phases().clone(),
        });
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.receiver.close();
        let unused = self.receiver.try_recv().ok();
        let ticket = self.visit.is_some().then_some(self.ticket);
        self.revision
            .leave_queue(ticket, self.bytes, unused.map(|(slot, _)| slot));
    }
}
