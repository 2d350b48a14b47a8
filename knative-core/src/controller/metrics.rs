//! What a controller did, in numbers.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Counters of one controller. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    succeeded: AtomicU64,
    failed: AtomicU64,
    queued: AtomicU64,
    busy_micros: AtomicU64,
}

/// A controller's counters at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricsSnapshot {
    /// Passes that went well.
    pub succeeded: u64,
    /// Passes that failed.
    pub failed: u64,
    /// Objects that wait for their turn.
    pub queued: u64,
    /// Time spent in passes, in microseconds.
    pub busy_micros: u64,
}

impl Metrics {
    /// The counters now.
    pub fn snapshot(&self) -> MetricsSnapshot {
        let counters = &self.counters;
        MetricsSnapshot {
            succeeded: counters.succeeded.load(Ordering::Relaxed),
            failed: counters.failed.load(Ordering::Relaxed),
            queued: counters.queued.load(Ordering::Relaxed),
            busy_micros: counters.busy_micros.load(Ordering::Relaxed),
        }
    }

    pub(super) fn passed(&self, well: bool, took: std::time::Duration) {
        let counter = if well {
            &self.counters.succeeded
        } else {
            &self.counters.failed
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.counters
            .busy_micros
            .fetch_add(micros, Ordering::Relaxed);
    }

    pub(super) fn queued(&self, length: usize) {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        self.counters.queued.store(length, Ordering::Relaxed);
    }
}
