//! How soon a watch that ended is begun again. Pure.

use std::time::Duration;

/// A watch that lasted so long was a good one: the next is begun at once.
const LASTING: Duration = Duration::from_secs(5);
/// The wait after a first watch that did not last.
const FIRST: Duration = Duration::from_millis(50);
/// The longest wait, as client-go's reflector.
const LONGEST: Duration = Duration::from_secs(30);

/// Counts watches in a row that did not last.
#[derive(Debug, Default)]
pub(super) struct Pace {
    short: u32,
}

impl Pace {
    /// The wait after a watch that lasted for `lasted`.
    pub(super) fn after(&mut self, lasted: Duration) -> Duration {
        if lasted >= LASTING {
            self.short = 0;
            return Duration::ZERO;
        }
        let wait = FIRST.saturating_mul(2_u32.saturating_pow(self.short));
        self.short = self.short.saturating_add(1);
        wait.min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_the_longest_until_a_watch_lasts() {
        let mut pace = Pace::default();
        let waits: Vec<_> = (0..12)
            .map(|_| pace.after(Duration::ZERO).as_millis())
            .collect();
        let want = [
            50, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000,
        ];
        assert_eq!(waits, want);
        assert_eq!(pace.after(LASTING), Duration::ZERO);
        assert_eq!(pace.after(Duration::ZERO), FIRST);
    }
}
