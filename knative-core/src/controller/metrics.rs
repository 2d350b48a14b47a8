//! What a controller did, in numbers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::metrics::{Collect, Exposition};

/// Counters of one controller. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    controller: &'static str,
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
    pub(super) fn new(controller: &'static str) -> Self {
        Self {
            controller,
            counters: Arc::default(),
        }
    }

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

    pub(super) fn passed(&self, well: bool, took: Duration) {
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

impl Collect for Metrics {
    fn collect(&self, exposition: &mut Exposition) {
        let now = self.snapshot();
        let controller = ("controller", self.controller);
        exposition
            .counter(
                "knative_controller_reconciles_total",
                "Passes of controllers over objects, by how they ended.",
            )
            .number(&[controller, ("result", "success")], now.succeeded)
            .number(&[controller, ("result", "failure")], now.failed);
        exposition
            .counter(
                "knative_controller_busy_seconds_total",
                "Time that controllers spent in passes.",
            )
            .seconds(&[controller], Duration::from_micros(now.busy_micros));
        exposition
            .gauge(
                "knative_controller_queue_length",
                "Objects that wait for a pass.",
            )
            .number(&[controller], now.queued);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Registry;

    #[test]
    fn they_are_told_by_the_name_of_the_controller() {
        let registry = Registry::new();
        for (controller, well) in [("service", true), ("route", false)] {
            let metrics = Metrics::new(controller);
            metrics.passed(well, Duration::from_millis(250));
            metrics.queued(7);
            registry.register(Arc::new(metrics));
        }
        let text = registry.render();
        for line in [
            "knative_controller_reconciles_total{controller=\"service\",result=\"success\"} 1",
            "knative_controller_reconciles_total{controller=\"service\",result=\"failure\"} 0",
            "knative_controller_reconciles_total{controller=\"route\",result=\"failure\"} 1",
            "knative_controller_busy_seconds_total{controller=\"route\"} 0.25",
            "knative_controller_queue_length{controller=\"service\"} 7",
        ] {
            assert!(text.lines().any(|is| is == line), "{line} in {text}");
        }
    }
}
