//! Which object is reconciled next: each at most once at a time, failures ever later. Pure, told the time.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

/// The wait after a first failure, as client-go's rate limiter.
const FIRST_BACKOFF: Duration = Duration::from_millis(5);
/// The longest wait after failures in a row, as client-go's rate limiter.
const LONGEST_BACKOFF: Duration = Duration::from_secs(1000);

/// Keys that wait for their turn.
#[derive(Debug)]
pub(super) struct Queue<K> {
    order: VecDeque<K>,
    waiting: BTreeSet<K>,
    /// What is being worked on, and whether it was asked for again meanwhile.
    working: BTreeMap<K, bool>,
    delayed: BTreeSet<(Instant, K)>,
    due: BTreeMap<K, Instant>,
    failures: BTreeMap<K, u32>,
}

impl<K> Default for Queue<K> {
    fn default() -> Self {
        Self {
            order: VecDeque::new(),
            waiting: BTreeSet::new(),
            working: BTreeMap::new(),
            delayed: BTreeSet::new(),
            due: BTreeMap::new(),
            failures: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone> Queue<K> {
    /// Asks for a key's turn. One that is being worked on gets another turn afterwards.
    pub(super) fn add(&mut self, key: K) {
        if let Some(again) = self.working.get_mut(&key) {
            *again = true;
        } else if self.waiting.insert(key.clone()) {
            self.order.push_back(key);
        }
    }

    /// Asks for a turn at a time; of several, the earliest counts.
    pub(super) fn add_at(&mut self, key: K, at: Instant) {
        if let Some(due) = self.due.get(&key).copied() {
            if due <= at {
                return;
            }
            self.delayed.remove(&(due, key.clone()));
        }
        self.due.insert(key.clone(), at);
        self.delayed.insert((at, key));
    }

    /// The next key, which is then being worked on.
    pub(super) fn pop(&mut self, now: Instant) -> Option<K> {
        self.promote(now);
        let key = self.order.pop_front()?;
        self.waiting.remove(&key);
        self.working.insert(key.clone(), false);
        Some(key)
    }

    /// Ends the work on a key.
    pub(super) fn done(&mut self, key: &K) {
        if self.working.remove(key) == Some(true) {
            self.add(key.clone());
        }
    }

    /// Forgets a key's failures.
    pub(super) fn succeeded(&mut self, key: &K) {
        self.failures.remove(key);
    }

    /// Counts a failure and answers with the wait until the next try.
    pub(super) fn failed(&mut self, key: &K) -> Duration {
        let failures = self.failures.entry(key.clone()).or_default();
        let wait = FIRST_BACKOFF
            .saturating_mul(2_u32.saturating_pow(*failures))
            .min(LONGEST_BACKOFF);
        *failures = failures.saturating_add(1);
        wait
    }

    /// When the next delayed key is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.delayed.first().map(|(at, _)| *at)
    }

    /// How many keys wait for their turn now.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    fn promote(&mut self, now: Instant) {
        while let Some((at, _)) = self.delayed.first() {
            if *at > now {
                return;
            }
            if let Some((_, key)) = self.delayed.pop_first() {
                self.due.remove(&key);
                self.add(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_key_waits_once_and_is_worked_on_once() {
        let (mut queue, now) = (Queue::default(), now());
        queue.add("a");
        queue.add("b");
        queue.add("a");
        assert_eq!(queue.pop(now), Some("a"));
        queue.add("a");
        assert_eq!((queue.pop(now), queue.pop(now)), (Some("b"), None));
        queue.done(&"a");
        assert_eq!(queue.pop(now), Some("a"));
        queue.done(&"a");
        assert_eq!(queue.pop(now), None);
    }

    #[test]
    fn of_several_delays_the_earliest_counts() {
        let (mut queue, now) = (Queue::default(), now());
        let at = |seconds| now + Duration::from_secs(seconds);
        queue.add_at("a", at(5));
        queue.add_at("a", at(2));
        queue.add_at("a", at(9));
        assert_eq!((queue.pop(at(1)), queue.next_due()), (None, Some(at(2))));
        assert_eq!((queue.pop(at(2)), queue.next_due()), (Some("a"), None));
    }

    #[test]
    fn failures_double_the_wait_until_success() {
        let mut queue = Queue::default();
        let waits: Vec<_> = (0..3).map(|_| queue.failed(&"a").as_millis()).collect();
        assert_eq!(waits, [5, 10, 20]);
        assert_eq!(
            (0..30).map(|_| queue.failed(&"a")).last(),
            Some(LONGEST_BACKOFF)
        );
        queue.succeeded(&"a");
        assert_eq!(queue.failed(&"a"), FIRST_BACKOFF);
    }
}
