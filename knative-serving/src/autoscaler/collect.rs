//! What is measured of one revision.

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::policy::{Averages, Metric};
use super::window::{Algorithm, Window};

/// Load of one reporter over one second.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stat {
    /// Requests in flight, averaged over time.
    pub average_concurrency: f64,
    /// The part of it that another reporter counts too, because the request came through it.
    pub average_proxied_concurrency: f64,
    /// Requests that arrived, per second.
    pub request_count: f64,
    /// The part of them that another reporter counts too.
    pub proxied_request_count: f64,
}

/// How a revision is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectSpec {
    /// Window of the stable average.
    pub stable_window: SignedDuration,
    /// Window of the panic average.
    pub panic_window: SignedDuration,
    /// How buckets are weighed.
    pub algorithm: Algorithm,
    /// Whether replicas report by themselves. Without, silence means no load; with, it means that nothing is known.
    pub reported_by_replicas: bool,
}

/// Nothing was measured within both windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no data available")]
pub struct NoData;

/// Load of one revision over the stable and the panic window, as concurrency and as requests per second.
///
/// ```
/// use jiff::{SignedDuration, Timestamp};
/// use knative_serving::autoscaler::{Algorithm, CollectSpec, Collection, Metric, Stat};
///
/// let now = Timestamp::from_second(100).unwrap();
/// let mut collection = Collection::new(&CollectSpec {
///     stable_window: SignedDuration::from_secs(60),
///     panic_window: SignedDuration::from_secs(6),
///     algorithm: Algorithm::Linear,
///     reported_by_replicas: true,
/// });
/// assert!(collection.averages(&Metric::Concurrency, now).is_err());
/// collection.record(now, &Stat { average_concurrency: 3.0, request_count: 40.0, ..Stat::default() });
/// assert_eq!(collection.averages(&Metric::Rps, now).unwrap().stable, 40.0);
/// ```
#[derive(Debug, Clone)]
pub struct Collection {
    concurrency: Pair,
    rps: Pair,
    algorithm: Algorithm,
    reported_by_replicas: bool,
}

impl Collection {
    /// An empty collection.
    pub fn new(spec: &CollectSpec) -> Self {
        Self {
            concurrency: Pair::new(spec),
            rps: Pair::new(spec),
            algorithm: spec.algorithm,
            reported_by_replicas: spec.reported_by_replicas,
        }
    }

    /// Takes over new windows and keeps what was measured. Another algorithm needs a new collection and is ignored here,
    /// as Knative does.
    pub fn update(&mut self, spec: &CollectSpec, now: Timestamp) {
        self.concurrency.resize(spec, now);
        self.rps.resize(spec, now);
        self.reported_by_replicas = spec.reported_by_replicas;
    }

    /// How the buckets are weighed.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Adds what one reporter saw in the second of `now`, less what others report of the same requests.
    pub fn record(&mut self, now: Timestamp, stat: &Stat) {
        self.concurrency.record(
            now,
            stat.average_concurrency - stat.average_proxied_concurrency,
        );
        self.rps
            .record(now, stat.request_count - stat.proxied_request_count);
    }

    /// The averages of `metric` at `now`; every metric but requests per second reads concurrency.
    pub fn averages(&self, metric: &Metric, now: Timestamp) -> Result<Averages, NoData> {
        let pair = match metric {
            Metric::Rps => &self.rps,
            Metric::Concurrency | Metric::Other(_) => &self.concurrency,
        };
        if self.reported_by_replicas && pair.is_empty(now) {
            return Err(NoData);
        }
        Ok(Averages {
            stable: pair.stable.average(now),
            panic: pair.panic.average(now),
        })
    }
}

#[derive(Debug, Clone)]
struct Pair {
    stable: Window,
    panic: Window,
}

impl Pair {
    fn new(spec: &CollectSpec) -> Self {
        Self {
            stable: Window::new(spec.algorithm, spec.stable_window),
            panic: Window::new(spec.algorithm, spec.panic_window),
        }
    }

    fn resize(&mut self, spec: &CollectSpec, now: Timestamp) {
        self.stable.resize(spec.stable_window, now);
        self.panic.resize(spec.panic_window, now);
    }

    fn record(&mut self, now: Timestamp, value: f64) {
        self.stable.record(now, value);
        self.panic.record(now, value);
    }

    fn is_empty(&self, now: Timestamp) -> bool {
        self.stable.is_empty(now) && self.panic.is_empty(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn spec(reported_by_replicas: bool) -> CollectSpec {
        CollectSpec {
            stable_window: SignedDuration::from_secs(60),
            panic_window: SignedDuration::from_secs(6),
            algorithm: Algorithm::Linear,
            reported_by_replicas,
        }
    }

    #[test]
    fn silence_is_no_data_only_where_replicas_report() {
        let averages =
            |reported| Collection::new(&spec(reported)).averages(&Metric::Concurrency, at(0));
        assert_eq!(averages(true), Err(NoData));
        assert_eq!(averages(false), Ok(Averages::default()));
    }

    #[test]
    fn what_was_proxied_counts_once() {
        let mut collection = Collection::new(&spec(true));
        let stat = Stat {
            average_concurrency: 5.0,
            average_proxied_concurrency: 2.0,
            request_count: 10.0,
            proxied_request_count: 12.0,
        };
        collection.record(at(0), &stat);
        let averages = |metric| collection.averages(&metric, at(0));
        assert_eq!(
            averages(Metric::Concurrency),
            Ok(Averages {
                stable: 3.0,
                panic: 3.0
            })
        );
        assert_eq!(
            averages(Metric::Rps),
            Ok(Averages {
                stable: -2.0,
                panic: -2.0
            })
        );
    }

    #[test]
    fn an_update_keeps_what_was_measured() {
        let mut collection = Collection::new(&spec(true));
        for second in 0..60 {
            collection.record(
                at(second),
                &Stat {
                    average_concurrency: 7.0,
                    ..Stat::default()
                },
            );
        }
        let longer = CollectSpec {
            panic_window: SignedDuration::from_secs(10),
            ..spec(true)
        };
        collection.update(&longer, at(59));
        let averages = collection.averages(&Metric::Concurrency, at(59));
        assert_eq!(averages.map(|averages| averages.stable), Ok(7.0));
    }
}
