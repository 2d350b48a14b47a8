//! Panic mode: while overloaded, and a stable window longer, replicas never decrease.

use jiff::{SignedDuration, Timestamp};

use super::rate::Overload;
use crate::autoscaler::reason::Reason;

/// Since when there is panic, and the highest decision in it.
#[derive(Debug, Default)]
pub(super) struct PanicMode {
    since: Option<Timestamp>,
    peak: i32,
}

impl PanicMode {
    pub(super) fn starting(ready: u32, now: Timestamp) -> Self {
        Self {
            since: (ready > 1).then_some(now),
            peak: i32::try_from(ready).unwrap_or(i32::MAX),
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.since.is_some()
    }

    /// Enters, extends or leaves panic. It is left only once strictly more than a stable window has passed.
    pub(super) fn observe(
        &mut self,
        overload: &Overload,
        stable_window: SignedDuration,
        now: Timestamp,
    ) -> Option<Reason> {
        let Overload { ratio, threshold } = *overload;
        if overload.is_over() {
            let before = self.since.replace(now);
            return Some(match before {
                None => Reason::PanicEntered { ratio, threshold },
                Some(_) => Reason::PanicExtended { ratio, threshold },
            });
        }
        self.since
            .filter(|since| now.duration_since(*since) > stable_window)?;
        *self = Self::default();
        Some(Reason::PanicLeft)
    }

    /// The highest of `replicas` and all decisions in this panic.
    pub(super) fn hold(&mut self, replicas: i32) -> i32 {
        self.peak = self.peak.max(replicas);
        self.peak
    }
}
