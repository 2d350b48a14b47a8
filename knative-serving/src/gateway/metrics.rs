//! Counters of a gateway.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use http::StatusCode;
use knative_core::{
    metrics::{Exposition, Histogram},
    runtime::StartPhases,
};
use parking_lot::Mutex;

use super::RevisionKey;

/// Cold starts that are remembered one by one.
const COLD_STARTS_KEPT: usize = 4096;
/// Status codes have three digits.
const CODES: usize = 1000;

/// One wake from zero.
#[derive(Clone, Debug)]
pub struct ColdStart {
    /// Which revision.
    pub revision: RevisionKey,
    /// How long its first request waited for an instance.
    pub waited: Duration,
    /// What the instance's start took of it, step by step.
    pub phases: StartPhases,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct MetricsSnapshot {
    /// Answers by status code since the start.
    pub responses: BTreeMap<u16, u64>,
    /// Requests that wait for an instance now.
    pub waiting: u64,
    /// Wakes from zero since the start.
    pub cold_starts: u64,
    /// Requests that were sent again over a fresh connection.
    pub retries: u64,
}

impl MetricsSnapshot {
    /// Answers since the start.
    pub fn requests(&self) -> u64 {
        self.responses.values().sum()
    }
}

#[derive(Debug)]
pub(super) struct Metrics {
    responses: Box<[AtomicU64]>,
    joined: AtomicU64,
    left: AtomicU64,
    cold_starts: Histogram,
    retries: AtomicU64,
    recent: Mutex<VecDeque<ColdStart>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            responses: (0..CODES).map(|_| AtomicU64::new(0)).collect(),
            joined: AtomicU64::new(0),
            left: AtomicU64::new(0),
            cold_starts: Histogram::default(),
            retries: AtomicU64::new(0),
            recent: Mutex::default(),
        }
    }
}

impl Metrics {
    pub(super) fn answered(&self, status: StatusCode) {
        if let Some(counter) = self.responses.get(usize::from(status.as_u16())) {
            counter.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn joined_queue(&self) {
        self.joined.fetch_add(1, Relaxed);
    }

    pub(super) fn left_queue(&self) {
        self.left.fetch_add(1, Relaxed);
    }

    pub(super) fn retried(&self) {
        self.retries.fetch_add(1, Relaxed);
    }

    pub(super) fn woke(&self, start: ColdStart) {
        self.cold_starts.observe(start.waited);
        let mut recent = self.recent.lock();
        if recent.len() == COLD_STARTS_KEPT {
            recent.pop_front();
        }
        recent.push_back(start);
    }

    pub(super) fn cold_starts(&self) -> Vec<ColdStart> {
        self.recent.lock().iter().cloned().collect()
    }

    pub(super) fn snapshot(&self) -> MetricsSnapshot {
        let codes = (0_u16..).zip(self.responses.iter());
        let counted = codes.map(|(code, counter)| (code, counter.load(Relaxed)));
        let left = self.left.load(Relaxed);
        MetricsSnapshot {
            responses: counted.filter(|(_, count)| *count > 0).collect(),
            waiting: self.joined.load(Relaxed).saturating_sub(left),
            cold_starts: self.cold_starts.count(),
            retries: self.retries.load(Relaxed),
        }
    }

    pub(super) fn collect(&self, exposition: &mut Exposition) {
        let now = self.snapshot();
        let mut responses = exposition.counter(
            "knative_gateway_responses_total",
            "Answers to requests, by status code.",
        );
        for (code, count) in now.responses {
            responses.number(&[("code", &code.to_string())], count);
        }
        exposition
            .gauge(
                "knative_gateway_requests_waiting",
                "Requests that wait for an instance.",
            )
            .number(&[], now.waiting);
        exposition
            .counter(
                "knative_gateway_retries_total",
                "Requests that were sent again over a fresh connection.",
            )
            .number(&[], now.retries);
        exposition.histogram(
            "knative_gateway_cold_start_duration_seconds",
            "How long the first request of each wake from zero waited for an instance.",
            &[],
            &self.cold_starts,
        );
    }
}
