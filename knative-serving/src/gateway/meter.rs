//! Load of one revision, exact over time. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// What a revision's load was between two reports.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// Requests that were in the gateway (waiting or served), averaged over the time.
    pub average_concurrency: f64,
    /// Requests that arrived.
    pub requests: u64,
    /// The time that the report is about.
    pub elapsed: Duration,
}

impl Report {
    /// Arrivals per second; over no time at all, the arrivals themselves.
    pub fn requests_per_second(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let requests = self.requests as f64;
        if seconds > 0.0 {
            requests / seconds
        } else {
            requests
        }
    }
}

/// Adds up concurrency × time.
#[derive(Debug)]
pub(super) struct Meter {
    since: Instant,
    last: Instant,
    current: u32,
    /// Request-nanoseconds up to `last`.
    integral: u128,
    requests: u64,
}

impl Meter {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            since: now,
            last: now,
            current: 0,
            integral: 0,
            requests: 0,
        }
    }

    pub(super) fn enter(&mut self, now: Instant) {
        self.advance(now);
        self.current += 1;
        self.requests += 1;
    }

    pub(super) fn exit(&mut self, now: Instant) {
        self.advance(now);
        self.current = self.current.saturating_sub(1);
    }

    /// Requests in the gateway.
    pub(super) const fn current(&self) -> u32 {
        self.current
    }

    /// The load since the last report; the next one begins here.
    pub(super) fn report(&mut self, now: Instant) -> Report {
        self.advance(now);
        let elapsed = now.saturating_duration_since(self.since);
        let report = Report {
            average_concurrency: self.average(elapsed),
            requests: self.requests,
            elapsed,
        };
        (self.since, self.integral, self.requests) = (now, 0, 0);
        report
    }

    fn advance(&mut self, now: Instant) {
        // Two threads may read the time in another order than they take the lock in.
        let passed = now.saturating_duration_since(self.last);
        self.integral += u128::from(self.current) * passed.as_nanos();
        self.last = self.last.max(now);
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a ratio needs no more digits than a float has"
    )]
    fn average(&self, elapsed: Duration) -> f64 {
        if elapsed.is_zero() {
            return f64::from(self.current);
        }
        self.integral as f64 / elapsed.as_nanos() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn concurrency_is_weighted_by_time() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut meter = Meter::new(start);
        meter.enter(at(0));
        meter.enter(at(250));
        meter.exit(at(750));
        let report = meter.report(at(1000));
        assert_eq!((report.average_concurrency, report.requests), (1.5, 2));
        let rest = meter.report(at(1500));
        assert_eq!((rest.average_concurrency, rest.requests), (1.0, 0));
        meter.exit(at(1500));
        assert_eq!(meter.report(at(2500)).requests, 0);
        assert!(meter.report(at(2600)).average_concurrency.abs() < f64::EPSILON);
    }

    #[tokio::test(start_paused = true)]
    async fn times_out_of_order_do_not_count_twice() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut meter = Meter::new(start);
        meter.enter(at(100));
        meter.enter(at(50));
        assert_eq!(meter.current(), 2);
        let report = meter.report(at(200));
        let expected = Report {
            average_concurrency: 1.0,
            requests: 2,
            elapsed: Duration::from_millis(200),
        };
        assert_eq!(report, expected);
        assert!((report.requests_per_second() - 10.0).abs() < f64::EPSILON);
    }
}
