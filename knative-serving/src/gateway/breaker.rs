//! Who is served by which instance, and who waits. Pure: no clock, no lock, no task.

use std::collections::BTreeMap;

/// A place in [`Throttle`]; valid while its instance is routed or still has requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SlotId(usize);

/// The order of a waiting request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// Whether an instance takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Routed,
    /// A connection to it failed; others go first.
    Suspect,
    /// It finishes what it has.
    Out,
}

#[derive(Debug)]
struct Slot<M> {
    member: M,
    load: u32,
    standing: Standing,
}

/// The instances of a revision, each with its requests, and the requests that wait for one of them.
///
/// A request goes to the instance with the fewest requests and, among equals, to the one that has been there longest:
/// load is even, and where there is little, the newest instances stay idle and can go. It waits only while no instance has
/// room, and is bound to an instance only when one has.
#[derive(Debug)]
pub(super) struct Throttle<M, W> {
    /// Requests per instance, 0 = any number.
    limit: u32,
    slots: Vec<Option<Slot<M>>>,
    waiting: BTreeMap<Ticket, W>,
    tickets: u64,
}

impl<M: Clone, W> Throttle<M, W> {
    pub(super) const fn new(limit: u32) -> Self {
        Self {
            limit,
            slots: Vec::new(),
            waiting: BTreeMap::new(),
            tickets: 0,
        }
    }

    pub(super) const fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }

    /// Gives a request to the instance that suits best, if one has room.
    pub(super) fn assign(&mut self) -> Option<(SlotId, M)> {
        let index = self.best()?;
        let slot = self.slots[index].as_mut()?;
        slot.load += 1;
        Some((SlotId(index), slot.member.clone()))
    }

    fn best(&self) -> Option<usize> {
        let mut best = None;
        for (index, slot) in self.slots.iter().enumerate() {
            let Some(slot) = slot else { continue };
            if slot.standing == Standing::Out || !self.has_room(slot) {
                continue;
            }
            let rank = (slot.standing, slot.load);
            if rank == (Standing::Routed, 0) {
                return Some(index);
            }
            if best.is_none_or(|(least, _)| rank < least) {
                best = Some((rank, index));
            }
        }
        best.map(|(_, index)| index)
    }

    const fn has_room(&self, slot: &Slot<M>) -> bool {
        self.limit == 0 || slot.load < self.limit
    }

    /// Ends a request. Answers with the instance if that is out of routing and has no more requests.
    pub(super) fn release(&mut self, id: SlotId) -> Option<M> {
        let slot = self.slots.get_mut(id.0)?.as_mut()?;
        slot.load = slot.load.saturating_sub(1);
        self.take_if_drained(id)
    }

    /// Adds a request to the end of the queue.
    pub(super) fn enqueue(&mut self, waiter: W) -> Ticket {
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        self.waiting.insert(ticket, waiter);
        ticket
    }

    /// Takes a request out of the queue.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<W> {
        self.waiting.remove(&ticket)
    }

    /// Binds the first waiting request to an instance, if one has room.
    pub(super) fn bind(&mut self) -> Option<(W, SlotId, M)> {
        if self.waiting.is_empty() {
            return None;
        }
        let (id, member) = self.assign()?;
        let (_, waiter) = self.waiting.pop_first()?;
        Some((waiter, id, member))
    }

    /// Forgets all that wait.
    pub(super) fn clear_queue(&mut self) -> BTreeMap<Ticket, W> {
        std::mem::take(&mut self.waiting)
    }

    /// Routes requests to an instance from now on.
    pub(super) fn insert(&mut self, member: M) {
        let slot = Some(Slot {
            member,
            load: 0,
            standing: Standing::Routed,
        });
        match self.slots.iter_mut().find(|slot| slot.is_none()) {
            Some(free) => *free = slot,
            None => self.slots.push(slot),
        }
    }

    /// Takes an instance out of routing. Answers with it if it has no requests.
    pub(super) fn withdraw(&mut self, id: SlotId) -> Option<M> {
        self.slots.get_mut(id.0)?.as_mut()?.standing = Standing::Out;
        self.take_if_drained(id)
    }

    /// Routes requests again to an instance that is out of routing and still finishes what it has: with its requests
    /// forgotten it would get too many, or be stopped under them. Answers whether there is one.
    pub(super) fn readmit(&mut self, is_it: impl Fn(&M) -> bool) -> bool {
        let mut out = self.slots.iter_mut().flatten();
        let found = out.find(|slot| slot.standing == Standing::Out && is_it(&slot.member));
        found.map(|slot| slot.standing = Standing::Routed).is_some()
    }

    /// Sets whether others go first.
    pub(super) fn set_suspect(&mut self, id: SlotId, suspect: bool) {
        let slot = self.slots.get_mut(id.0).and_then(Option::as_mut);
        if let Some(slot) = slot.filter(|slot| slot.standing != Standing::Out) {
            slot.standing = if suspect {
                Standing::Suspect
            } else {
                Standing::Routed
            };
        }
    }

    /// The routed instances.
    pub(super) fn routed(&self) -> impl Iterator<Item = (SlotId, &M)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(index, slot)| {
            let slot = slot.as_ref()?;
            (slot.standing != Standing::Out).then_some((SlotId(index), &slot.member))
        })
    }

    /// The instances that can best be missed: failing ones, then those with the fewest requests, then the newest.
    pub(super) fn victims(&self, count: usize) -> Vec<SlotId> {
        let mut ranked: Vec<_> = self
            .routed()
            .filter_map(|(id, _)| Some((self.slots[id.0].as_ref()?, id)))
            .map(|(slot, id)| {
                (
                    slot.standing != Standing::Suspect,
                    slot.load,
                    std::cmp::Reverse(id),
                )
            })
            .collect();
        ranked.sort_unstable();
        ranked.truncate(count);
        ranked.into_iter().map(|(_, _, id)| id.0).collect()
    }

    /// How many requests wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn take_if_drained(&mut self, id: SlotId) -> Option<M> {
        let place = self.slots.get_mut(id.0)?;
        let drained = place.take_if(|slot| slot.standing == Standing::Out && slot.load == 0)?;
        Some(drained.member)
    }
}

#[cfg(test)]
mod tests;
