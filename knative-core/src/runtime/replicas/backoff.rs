//! How long to wait before a failed instance is started again. Pure.

use std::time::Duration;

/// The wait after the second failure in a row; the first is followed by a start at once.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait, as a kubelet's.
const LONGEST: Duration = Duration::from_secs(300);
/// An instance that ran for so long begins anew, as with a kubelet.
const FORGET_AFTER: Duration = Duration::from_secs(600);

/// The longest wait while a backend does not answer: an outage is nobody's fault, and ends for all at once.
const LONGEST_OUTAGE: Duration = Duration::from_secs(4);

/// Counts failures in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Backoff {
    failures: u32,
    longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            failures: 0,
            longest: LONGEST,
        }
    }
}

impl Backoff {
    /// Waits for a backend that does not answer.
    pub(super) const fn of_an_outage() -> Self {
        Self {
            failures: 0,
            longest: LONGEST_OUTAGE,
        }
    }

    /// How many failures there were in a row.
    pub(super) const fn failures(self) -> u32 {
        self.failures
    }

    /// The wait after a failure; `ran` is how long the instance ran before it.
    pub(super) fn after_failure(&mut self, ran: Duration) -> Duration {
        if ran >= FORGET_AFTER {
            self.failures = 0;
        }
        let exponent = self.failures.checked_sub(1);
        self.failures = self.failures.saturating_add(1);
        exponent.map_or(Duration::ZERO, |exponent| {
            FIRST
                .saturating_mul(2_u32.saturating_pow(exponent))
                .min(self.longest)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_to_the_longest_and_forgets() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..12)
            .map(|_| backoff.after_failure(Duration::ZERO).as_secs())
            .collect();
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(backoff.after_failure(FORGET_AFTER), Duration::ZERO);
        let mut outage = Backoff::of_an_outage();
        let last = (0..9).map(|_| outage.after_failure(Duration::ZERO)).last();
        assert_eq!(last, Some(LONGEST_OUTAGE));
    }
}
