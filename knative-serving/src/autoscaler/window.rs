//! Rings of time buckets that yield an average over the last seconds.

use jiff::{SignedDuration, Timestamp};

/// Sum of the weights that a whole weighted-exponential window leaves out: 0.01 %.
const WEIGHT_PRECISION: f64 = 0.0001;
/// Long windows forget no slower than this share per bucket.
const MIN_SMOOTHING: f64 = 0.2;
/// Linear averages are rounded to six digits after the point.
const LINEAR_SCALE: f64 = 1e6;

/// How a [`Window`] weighs its buckets. Annotation `autoscaling.knative.dev/metric-aggregation-algorithm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Algorithm {
    /// All buckets count the same.
    #[default]
    Linear,
    /// The newest bucket counts most, each older one a constant factor less.
    WeightedExponential,
}

impl Algorithm {
    /// The algorithm of an annotation's text; what is not `weighted-exponential` is linear, as Knative does.
    pub fn named(name: &str) -> Self {
        match name {
            "weighted-exponential" | "weightedExponential" => Self::WeightedExponential,
            _ => Self::Linear,
        }
    }
}

/// A ring of buckets over the last `length` of time. Values recorded in the same bucket add up, so that several
/// reporters of one revision sum to its total; the average divides by buckets, never by the number of values.
///
/// Buckets align to the Unix epoch. Late values within the window land in their own bucket, older ones are dropped.
///
/// ```
/// use jiff::{SignedDuration, Timestamp};
/// use knative_serving::autoscaler::{Algorithm, Window};
///
/// let at = |s| Timestamp::from_second(s).unwrap();
/// let mut window = Window::new(Algorithm::Linear, SignedDuration::from_secs(60));
/// window.record(at(100), 4.0);
/// window.record(at(101), 8.0);
/// assert_eq!(window.average(at(101)), 6.0);
/// assert!(window.is_empty(at(162)));
/// ```
#[derive(Debug, Clone)]
pub struct Window {
    algorithm: Algorithm,
    granularity: i64,
    length: SignedDuration,
    buckets: Vec<f64>,
    total: f64,
    first: Option<i64>,
    last: Option<i64>,
}

impl Window {
    /// An empty window of one-second buckets.
    pub fn new(algorithm: Algorithm, length: SignedDuration) -> Self {
        Self::with_granularity(algorithm, length, SignedDuration::from_secs(1))
    }

    /// An empty window whose buckets span `granularity`, which counts in whole seconds, at least one.
    pub fn with_granularity(
        algorithm: Algorithm,
        length: SignedDuration,
        granularity: SignedDuration,
    ) -> Self {
        let granularity = granularity.as_secs().max(1);
        Self {
            algorithm,
            granularity,
            length,
            buckets: vec![0.0; bucket_count(length, granularity)],
            total: 0.0,
            first: None,
            last: None,
        }
    }

    /// The time that the window spans.
    pub fn length(&self) -> SignedDuration {
        self.length
    }

    /// Adds `value` to the bucket of `at`. A value a whole window older than the newest one is dropped; one a whole
    /// window newer than the last clears all that was before.
    pub fn record(&mut self, at: Timestamp, value: f64) {
        let index = self.index_of(at);
        if self.last.is_some_and(|last| last - index >= self.span()) {
            return;
        }
        if self.last != Some(index) {
            self.advance_to(index);
        }
        let slot = self.slot(index);
        self.buckets[slot] += value;
        self.total += value;
    }

    /// The average at `now`, 0 where there are no data. May lie before the last write; then that write counts.
    pub fn average(&self, now: Timestamp) -> f64 {
        let now = self.index_of(now);
        match self.algorithm {
            Algorithm::Linear => self.linear(now),
            Algorithm::WeightedExponential => self.weighted(now),
        }
    }

    /// Whether the last write lies more than a window before `now`. At exactly one window of age the average is 0
    /// already, yet the window is not empty.
    pub fn is_empty(&self, now: Timestamp) -> bool {
        self.is_stale(self.index_of(now))
    }

    /// Changes the length and keeps the newest buckets that fit; `now` decides whether old data still count. Data that
    /// are kept count as if the first of them had been written a whole old window ago.
    pub fn resize(&mut self, length: SignedDuration, now: Timestamp) {
        if length == self.length {
            return;
        }
        let mut resized = Self::with_granularity(
            self.algorithm,
            length,
            SignedDuration::from_secs(self.granularity),
        );
        resized.last = self.last;
        if let Some(last) = self.last.filter(|_| !self.is_empty(now)) {
            resized.copy_from(self, last);
            resized.first = Some(last - self.span() + 1);
        }
        *self = resized;
    }

    fn copy_from(&mut self, old: &Self, last: i64) {
        for index in (last - self.span().min(old.span()) + 1..=last).rev() {
            let (from, to) = (old.slot(index), self.slot(index));
            self.buckets[to] = old.buckets[from];
            self.total += old.buckets[from];
        }
    }

    fn advance_to(&mut self, index: i64) {
        if self.first.is_none_or(|first| first > index) {
            self.first = Some(index);
        }
        match self.last {
            Some(last) if index < last => return,
            Some(last) if index - last < self.span() => self.clear_between(last, index),
            _ => self.clear_all(index),
        }
        self.last = Some(index);
    }

    fn clear_all(&mut self, index: i64) {
        self.first = Some(index);
        self.buckets.fill(0.0);
        self.total = 0.0;
    }

    fn clear_between(&mut self, last: i64, index: i64) {
        for passed in last + 1..=index {
            let slot = self.slot(passed);
            self.total -= self.buckets[slot];
            self.buckets[slot] = 0.0;
        }
    }

    fn linear(&self, now: i64) -> f64 {
        let Some(last) = self.last.filter(|last| now - last < self.span()) else {
            return 0.0;
        };
        let quiet = (now - last).max(0);
        let expired = last + 1..=last + quiet;
        let sum = expired.fold(self.total, |sum, index| {
            sum - self.buckets[self.slot(index)]
        });
        let written = self.first.map_or(self.span(), |first| last - first + 1);
        let counted = written.min(self.span() - quiet);
        (sum / count(counted) * LINEAR_SCALE).round() / LINEAR_SCALE
    }

    fn weighted(&self, now: i64) -> f64 {
        let Some(last) = self.last.filter(|_| !self.is_stale(now)) else {
            return 0.0;
        };
        let quiet = (now - last).max(0);
        let smoothing = self.smoothing();
        let mut weight = smoothing * (1.0 - smoothing).powf(count(quiet));
        let mut average = 0.0;
        for age in 0..self.span() - quiet {
            average += self.buckets[self.slot(last - age)] * weight;
            weight *= 1.0 - smoothing;
        }
        average
    }

    fn smoothing(&self) -> f64 {
        (1.0 - WEIGHT_PRECISION.powf(1.0 / count(self.span()))).max(MIN_SMOOTHING)
    }

    fn is_stale(&self, now: i64) -> bool {
        let age = |last: i64| SignedDuration::from_secs((now - last) * self.granularity);
        self.last.is_none_or(|last| age(last) > self.length)
    }

    fn index_of(&self, at: Timestamp) -> i64 {
        let below = i64::from(at.subsec_nanosecond() < 0);
        (at.as_second() - below).div_euclid(self.granularity)
    }

    #[expect(
        clippy::cast_possible_wrap,
        reason = "a ring has at most some thousands of buckets"
    )]
    fn span(&self) -> i64 {
        self.buckets.len() as i64
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a remainder by the ring's length is one of its positions"
    )]
    fn slot(&self, index: i64) -> usize {
        index.rem_euclid(self.span()) as usize
    }
}

fn bucket_count(length: SignedDuration, granularity: i64) -> usize {
    let seconds = length.as_secs() + i64::from(length.subsec_nanos() > 0);
    let buckets = (seconds + granularity - 1).div_euclid(granularity);
    usize::try_from(buckets).unwrap_or_default().max(1)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of buckets are far below 2^52"
)]
fn count(buckets: i64) -> f64 {
    buckets as f64
}

#[cfg(test)]
mod tests;
