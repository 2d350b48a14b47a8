//! The annotations `autoscaling.knative.dev/…` of revision templates and of autoscalers.

mod validate;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use knative_core::object::parse_duration;

use crate::config::number::{parse_float, parse_int};

pub use self::validate::validate_annotations;

/// The autoscaler of Knative.
pub const KPA: &str = "kpa.autoscaling.knative.dev";
/// The autoscaler of Kubernetes.
pub const HPA: &str = "hpa.autoscaling.knative.dev";
/// Metric: requests in flight.
pub const CONCURRENCY: &str = "concurrency";
/// Metric: requests per second.
pub const RPS: &str = "rps";
/// Metric of [`HPA`]: use of the processor.
pub const CPU: &str = "cpu";
/// Metric of [`HPA`]: use of memory.
pub const MEMORY: &str = "memory";
/// Aggregation: every second of the window counts the same.
pub const LINEAR: &str = "linear";
/// Aggregation: later seconds count more.
pub const WEIGHTED_EXPONENTIAL: &str = "weighted-exponential";
/// Other spelling of [`WEIGHTED_EXPONENTIAL`].
pub const WEIGHTED_EXPONENTIAL_ALT: &str = "weightedExponential";

/// An annotation with its spellings, of which the first that is present counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(&'static [&'static str]);

impl Key {
    /// The spelling to write.
    pub fn name(self) -> &'static str {
        self.0[0]
    }

    /// All spellings.
    pub fn spellings(self) -> &'static [&'static str] {
        self.0
    }

    /// The spelling that is present, with its text.
    pub fn get(self, annotations: &BTreeMap<String, String>) -> Option<(&'static str, &str)> {
        let present = |key: &&'static str| annotations.get(*key).map(|text| (*key, text.as_str()));
        self.0.iter().find_map(present)
    }
}

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident = $($key:literal),+;)+) => {
        $($(#[$doc])* pub const $name: Key = Key(&[$(concat!("autoscaling.knative.dev/", $key)),+]);)+
    };
}

keys! {
    /// Which autoscaler is in charge; default `pod-autoscaler-class` of `config-autoscaler`.
    CLASS = "class";
    /// What is measured: [`CONCURRENCY`] (default) or [`RPS`] for [`KPA`]; [`CPU`] (default), [`MEMORY`] or a
    /// custom name for [`HPA`].
    METRIC = "metric";
    /// How the seconds of a window are weighed: [`LINEAR`] (default) or [`WEIGHTED_EXPONENTIAL`].
    METRIC_AGGREGATION_ALGORITHM = "metric-aggregation-algorithm", "metricAggregationAlgorithm";
    /// Fewest instances of a reachable revision, at least 0.
    MIN_SCALE = "min-scale", "minScale";
    /// Most instances, at least 0, 0 for no bound.
    MAX_SCALE = "max-scale", "maxScale";
    /// Instances to begin with, at least 0; 0 only where the configuration allows it.
    INITIAL_SCALE = "initial-scale", "initialScale";
    /// Fewest instances other than none, at least 2.
    ACTIVATION_SCALE = "activation-scale";
    /// What an instance should carry, in units of the metric, at least 0.01.
    TARGET = "target";
    /// Share of the target to aim at, from 1 to 100 percent.
    TARGET_UTILIZATION_PERCENTAGE = "target-utilization-percentage", "targetUtilizationPercentage";
    /// Spare capacity in concurrent requests, at least 0, or −1 for no bound.
    TARGET_BURST_CAPACITY = "target-burst-capacity", "targetBurstCapacity";
    /// Length of the stable window, from 6 s to 1 h in whole seconds.
    WINDOW = "window";
    /// Length of the panic window, from 1 to 100 percent of the stable one.
    PANIC_WINDOW_PERCENTAGE = "panic-window-percentage", "panicWindowPercentage";
    /// Load at which panic begins, from 110 to 1000 percent of the capacity.
    PANIC_THRESHOLD_PERCENTAGE = "panic-threshold-percentage", "panicThresholdPercentage";
    /// Time that a lower need must last, up to 1 h in whole seconds.
    SCALE_DOWN_DELAY = "scale-down-delay", "scaleDownDelay";
    /// Least time that the last instance stays, up to 1 h.
    SCALE_TO_ZERO_POD_RETENTION_PERIOD = "scale-to-zero-pod-retention-period", "scaleToZeroPodRetentionPeriod";
}

/// Reads the annotations with their types. What is absent or does not parse is `None`.
#[derive(Debug, Clone, Copy)]
pub struct Annotations<'a>(&'a BTreeMap<String, String>);

impl<'a> Annotations<'a> {
    /// Of these annotations, among which there may be others.
    pub fn new(annotations: &'a BTreeMap<String, String>) -> Self {
        Self(annotations)
    }

    fn text(self, key: Key) -> Option<&'a str> {
        key.get(self.0).map(|(_, text)| text)
    }

    fn float(self, key: Key) -> Option<f64> {
        parse_float(self.text(key)?).ok()
    }

    fn scale(self, key: Key) -> Option<i32> {
        parse_int(self.text(key)?).ok()
    }

    fn duration(self, key: Key) -> Option<SignedDuration> {
        parse_duration(self.text(key)?).ok()
    }

    /// [`CLASS`].
    pub fn class(self) -> Option<&'a str> {
        self.text(CLASS)
    }

    /// [`METRIC`].
    pub fn metric(self) -> Option<&'a str> {
        self.text(METRIC)
    }

    /// [`METRIC_AGGREGATION_ALGORITHM`].
    pub fn metric_aggregation_algorithm(self) -> Option<&'a str> {
        self.text(METRIC_AGGREGATION_ALGORITHM)
    }

    /// [`MIN_SCALE`].
    pub fn min_scale(self) -> Option<i32> {
        self.scale(MIN_SCALE)
    }

    /// [`MAX_SCALE`].
    pub fn max_scale(self) -> Option<i32> {
        self.scale(MAX_SCALE)
    }

    /// [`INITIAL_SCALE`].
    pub fn initial_scale(self) -> Option<i32> {
        self.scale(INITIAL_SCALE)
    }

    /// [`ACTIVATION_SCALE`].
    pub fn activation_scale(self) -> Option<i32> {
        self.scale(ACTIVATION_SCALE)
    }

    /// [`TARGET`].
    pub fn target(self) -> Option<f64> {
        self.float(TARGET)
    }

    /// [`TARGET_UTILIZATION_PERCENTAGE`].
    pub fn target_utilization_percentage(self) -> Option<f64> {
        self.float(TARGET_UTILIZATION_PERCENTAGE)
    }

    /// [`TARGET_BURST_CAPACITY`].
    pub fn target_burst_capacity(self) -> Option<f64> {
        self.float(TARGET_BURST_CAPACITY)
    }

    /// [`WINDOW`].
    pub fn window(self) -> Option<SignedDuration> {
        self.duration(WINDOW)
    }

    /// [`PANIC_WINDOW_PERCENTAGE`].
    pub fn panic_window_percentage(self) -> Option<f64> {
        self.float(PANIC_WINDOW_PERCENTAGE)
    }

    /// [`PANIC_THRESHOLD_PERCENTAGE`].
    pub fn panic_threshold_percentage(self) -> Option<f64> {
        self.float(PANIC_THRESHOLD_PERCENTAGE)
    }

    /// [`SCALE_DOWN_DELAY`].
    pub fn scale_down_delay(self) -> Option<SignedDuration> {
        self.duration(SCALE_DOWN_DELAY)
    }

    /// [`SCALE_TO_ZERO_POD_RETENTION_PERIOD`].
    pub fn scale_to_zero_pod_retention_period(self) -> Option<SignedDuration> {
        self.duration(SCALE_TO_ZERO_POD_RETENTION_PERIOD)
    }
}
