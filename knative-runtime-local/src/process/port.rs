//! Ports for processes: below those that the system gives to connections, each left alone for a while after use. Pure.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

/// How long a port is left alone after its process ended: late connections find nobody rather than somebody else.
const COOL_DOWN: Duration = Duration::from_secs(10);
/// How many ports are handed out below the ephemeral ones.
const COUNT: u16 = 12_000;
/// Ports below this one are left to the machine's own services.
const LOWEST: u16 = 10_000;

/// How many ports below the ephemeral ones are enough to keep to them.
const ENOUGH: u16 = 1_000;

/// Hands out ports.
#[derive(Debug)]
pub(super) struct Ports {
    first: u16,
    end: u16,
    next: u16,
    taken: BTreeSet<u16>,
    cooling: VecDeque<(Instant, u16)>,
}

impl Ports {
    /// Ports below `ephemeral` where the machine has some there, else among them; `start` says where to begin, so that
    /// platforms beside each other rarely meet.
    pub(super) fn below(ephemeral: u16, start: u64) -> Self {
        let end = if ephemeral < LOWEST + ENOUGH {
            LOWEST + COUNT
        } else {
            ephemeral
        };
        Self::between(end.saturating_sub(COUNT).max(LOWEST), end, start)
    }

    fn between(first: u16, end: u16, start: u64) -> Self {
        let offset = u16::try_from(start % u64::from(end - first)).unwrap_or(0);
        Self {
            first,
            end,
            next: first + offset,
            taken: BTreeSet::new(),
            cooling: VecDeque::new(),
        }
    }

    /// A free port of which `usable` says that nobody else has it; `None` if there is none.
    pub(super) fn take(&mut self, now: Instant, usable: impl Fn(u16) -> bool) -> Option<u16> {
        while let Some((at, port)) = self.cooling.front().copied() {
            if at > now {
                break;
            }
            self.cooling.pop_front();
            self.taken.remove(&port);
        }
        for _ in self.first..self.end {
            let port = self.next;
            self.next = if port + 1 == self.end {
                self.first
            } else {
                port + 1
            };
            if !self.taken.contains(&port) && usable(port) {
                self.taken.insert(port);
                return Some(port);
            }
        }
        None
    }

    /// A port that is in use by an adopted process.
    pub(super) fn mark_taken(&mut self, port: u16) {
        self.taken.insert(port);
    }

    /// Gives a port back; it is handed out again after a while.
    pub(super) fn give_back(&mut self, port: u16, now: Instant) {
        if self.taken.contains(&port) {
            self.cooling.push_back((now + COOL_DOWN, port));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_cool_down_before_they_are_used_again() {
        let now = Instant::now();
        let mut ports = Ports::between(LOWEST, LOWEST + 2, 0);
        let any = |_| true;
        assert_eq!(
            (
                ports.take(now, any),
                ports.take(now, any),
                ports.take(now, any)
            ),
            (Some(LOWEST), Some(LOWEST + 1), None)
        );
        ports.give_back(LOWEST, now);
        assert_eq!(ports.take(now + COOL_DOWN / 2, any), None);
        assert_eq!(ports.take(now + COOL_DOWN, any), Some(LOWEST));
    }

    #[test]
    fn a_machine_whose_ephemeral_ports_begin_low_has_ports_too() {
        for ephemeral in [0, 1024, LOWEST + 1, 32_768, u16::MAX] {
            let mut ports = Ports::below(ephemeral, 7);
            let taken = (0..ENOUGH).map_while(|_| ports.take(Instant::now(), |_| true));
            assert_eq!(taken.count(), usize::from(ENOUGH), "{ephemeral}");
        }
    }

    #[test]
    fn ports_of_others_are_passed_over() {
        let mut ports = Ports::below(32_768, 5);
        let first = ports.take(Instant::now(), |_| true).unwrap();
        let next = ports
            .take(Instant::now(), |port| port != first + 1)
            .unwrap();
        assert_eq!(next, first + 2);
        assert!(first < 32_768);
    }
}
