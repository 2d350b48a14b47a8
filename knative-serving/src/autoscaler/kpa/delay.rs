//! The highest decision of the last while, for the scale-down delay.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

/// Decisions are kept per tick of two seconds.
const GRANULARITY: i64 = 2;

/// A sliding maximum. Entries are in falling order of value and rising order of time: a value that is both smaller and
/// older than another can never be the maximum again.
#[derive(Debug)]
pub(super) struct DelayWindow {
    length: SignedDuration,
    buckets: i64,
    maxima: VecDeque<(i64, i32)>,
}

impl DelayWindow {
    /// None without a delay: a window of one bucket would still hold the larger of two decisions in one tick.
    pub(super) fn new(delay: SignedDuration) -> Option<Self> {
        let seconds = delay.as_secs() + i64::from(delay.subsec_nanos() > 0);
        (delay > SignedDuration::ZERO).then(|| Self {
            length: delay,
            buckets: (seconds + GRANULARITY - 1).div_euclid(GRANULARITY),
            maxima: VecDeque::new(),
        })
    }

    pub(super) fn length(&self) -> SignedDuration {
        self.length
    }

    /// Adds a decision; answers the highest within the delay.
    pub(super) fn record(&mut self, now: Timestamp, replicas: i32) -> i32 {
        let index = now.as_second().div_euclid(GRANULARITY);
        while self
            .maxima
            .back()
            .is_some_and(|(_, older)| *older <= replicas)
        {
            self.maxima.pop_back();
        }
        while self
            .maxima
            .front()
            .is_some_and(|(then, _)| index - *then >= self.buckets)
        {
            self.maxima.pop_front();
        }
        if self.maxima.back().is_none_or(|(then, _)| *then != index) {
            self.maxima.push_back((index, replicas));
        }
        self.maxima
            .front()
            .map_or(replicas, |(_, highest)| *highest)
    }
}
