//! `config-autoscaler`: how revisions scale unless their annotations say otherwise.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use knative_core::object::format_duration as format;

use super::{
    ConfigError,
    number::{is_outside, print_fixed, print_float},
    reader::Reader,
};

/// The parsed `config-autoscaler`.
///
/// Source of keys, defaults and ranges: serving `pkg/autoscaler/config/config.go`.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoscaler {
    /// Whether the last instance may go. `enable-scale-to-zero`, default true.
    pub enable_scale_to_zero: bool,
    /// Share of the concurrency target to aim at, in (0, 1]. `container-concurrency-target-percentage`, default 0.7
    /// (values above 1 are percentages).
    pub container_concurrency_target_fraction: f64,
    /// Concurrent requests per instance where a revision sets no limit. `container-concurrency-target-default`,
    /// default 100; times the fraction it is at least 0.01.
    pub container_concurrency_target_default: f64,
    /// Share of any other target to aim at. Not configurable, 0.7.
    pub target_utilization: f64,
    /// Requests per second per instance for metric `rps`. `requests-per-second-target-default`, default 200, at
    /// least 0.01.
    pub rps_target_default: f64,
    /// Concurrent requests of spare capacity below which requests pass through the activator.
    /// `target-burst-capacity`, default 211; 0 or more, or −1 for always.
    pub target_burst_capacity: f64,
    /// Concurrent requests that one activator handles. `activator-capacity`, default 100, at least 1.
    pub activator_capacity: f64,
    /// `allow-zero-initial-scale`, default false.
    pub allow_zero_initial_scale: bool,
    /// Instances that a new revision starts with. `initial-scale`, default 1.
    pub initial_scale: i32,
    /// Fewest instances of a reachable revision. `min-scale`, default 0.
    pub min_scale: i32,
    /// Most instances, 0 for no bound. `max-scale`, default 0.
    pub max_scale: i32,
    /// What neither `max-scale` nor its annotation may exceed, 0 for no bound. `max-scale-limit`, default 0.
    pub max_scale_limit: i32,
    /// Ratio of desired to ready instances in one step up. `max-scale-up-rate`, default 1000, above 1.
    pub max_scale_up_rate: f64,
    /// Ratio of ready to desired instances in one step down. `max-scale-down-rate`, default 2, above 1.
    pub max_scale_down_rate: f64,
    /// Time averaged over in stable mode. `stable-window`, default 60 s, from 6 s to 1 h in whole seconds.
    pub stable_window: SignedDuration,
    /// Panic window as percentage of the stable one. `panic-window-percentage`, default 10, from 1 to 100.
    pub panic_window_percentage: f64,
    /// Percentage of capacity at which panic begins. `panic-threshold-percentage`, default 200.
    pub panic_threshold_percentage: f64,
    /// Upper bound for re-routing before the last instance goes. `scale-to-zero-grace-period`, default 30 s,
    /// above 0.
    pub scale_to_zero_grace_period: SignedDuration,
    /// Least time that the last instance stays after traffic ended. `scale-to-zero-pod-retention-period`, default 0.
    pub scale_to_zero_pod_retention_period: SignedDuration,
    /// Time that a lower need must last before it counts. `scale-down-delay`, default 0, whole seconds.
    pub scale_down_delay: SignedDuration,
    /// Class of autoscalers without the annotation. `pod-autoscaler-class`, default `kpa.autoscaling.knative.dev`.
    pub pod_autoscaler_class: String,
}

impl Default for Autoscaler {
    fn default() -> Self {
        Self {
            enable_scale_to_zero: true,
            container_concurrency_target_fraction: 0.7,
            container_concurrency_target_default: 100.0,
            target_utilization: 0.7,
            rps_target_default: 200.0,
            target_burst_capacity: 211.0,
            activator_capacity: 100.0,
            allow_zero_initial_scale: false,
            initial_scale: 1,
            min_scale: 0,
            max_scale: 0,
            max_scale_limit: 0,
            max_scale_up_rate: 1000.0,
            max_scale_down_rate: 2.0,
            stable_window: SignedDuration::from_secs(60),
            panic_window_percentage: 10.0,
            panic_threshold_percentage: 200.0,
            scale_to_zero_grace_period: SignedDuration::from_secs(30),
            scale_to_zero_pod_retention_period: SignedDuration::ZERO,
            scale_down_delay: SignedDuration::ZERO,
            pod_autoscaler_class: "kpa.autoscaling.knative.dev".to_owned(),
        }
    }
}

/// Least target of requests per instance, by concurrency or rate.
pub(crate) const TARGET_MIN: f64 = 0.01;
/// Shortest stable window.
pub(crate) const WINDOW_MIN: SignedDuration = SignedDuration::from_secs(6);
/// Longest stable window, and longest delay and retention by annotation.
pub(crate) const WINDOW_MAX: SignedDuration = SignedDuration::from_hours(1);

impl Autoscaler {
    /// The keys that are read.
    pub const KEYS: &[&str] = &[
        "activator-capacity",
        "allow-zero-initial-scale",
        "container-concurrency-target-default",
        "container-concurrency-target-percentage",
        "enable-scale-to-zero",
        "initial-scale",
        "max-scale",
        "max-scale-down-rate",
        "max-scale-limit",
        "max-scale-up-rate",
        "min-scale",
        "panic-threshold-percentage",
        "panic-window-percentage",
        "pod-autoscaler-class",
        "requests-per-second-target-default",
        "scale-down-delay",
        "scale-to-zero-grace-period",
        "scale-to-zero-pod-retention-period",
        "stable-window",
        "target-burst-capacity",
    ];

    /// Reads the map: first what does not parse is told, then the first rule that is broken.
    pub fn parse(data: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        config
            .read(Reader(data))
            .map_err(|error| ConfigError::new(format!("failed to parse data: {error}")))?;
        // Up to 1 the value is a fraction already, for the sake of older maps.
        if config.container_concurrency_target_fraction > 1.0 {
            config.container_concurrency_target_fraction /= 100.0;
        }
        config.check().map_err(ConfigError::new)?;
        Ok(config)
    }

    fn read(&mut self, map: Reader<'_>) -> Result<(), ConfigError> {
        map.text("pod-autoscaler-class", &mut self.pod_autoscaler_class);
        map.bool("enable-scale-to-zero", &mut self.enable_scale_to_zero)?;
        map.bool(
            "allow-zero-initial-scale",
            &mut self.allow_zero_initial_scale,
        )?;
        map.float("max-scale-up-rate", &mut self.max_scale_up_rate)?;
        map.float("max-scale-down-rate", &mut self.max_scale_down_rate)?;
        map.float(
            "container-concurrency-target-percentage",
            &mut self.container_concurrency_target_fraction,
        )?;
        map.float(
            "container-concurrency-target-default",
            &mut self.container_concurrency_target_default,
        )?;
        map.float(
            "requests-per-second-target-default",
            &mut self.rps_target_default,
        )?;
        map.float("target-burst-capacity", &mut self.target_burst_capacity)?;
        map.float("panic-window-percentage", &mut self.panic_window_percentage)?;
        map.float("activator-capacity", &mut self.activator_capacity)?;
        map.float(
            "panic-threshold-percentage",
            &mut self.panic_threshold_percentage,
        )?;
        map.int("initial-scale", &mut self.initial_scale)?;
        map.int("min-scale", &mut self.min_scale)?;
        map.int("max-scale", &mut self.max_scale)?;
        map.int("max-scale-limit", &mut self.max_scale_limit)?;
        map.duration("stable-window", &mut self.stable_window)?;
        map.duration("scale-down-delay", &mut self.scale_down_delay)?;
        map.duration(
            "scale-to-zero-grace-period",
            &mut self.scale_to_zero_grace_period,
        )?;
        map.duration(
            "scale-to-zero-pod-retention-period",
            &mut self.scale_to_zero_pod_retention_period,
        )
    }

    fn check(&self) -> Result<(), String> {
        self.check_delays()?;
        self.check_targets()?;
        self.check_rates()?;
        self.check_windows()?;
        self.check_scales()
    }

    fn check_delays(&self) -> Result<(), String> {
        let (grace, delay) = (self.scale_to_zero_grace_period, self.scale_down_delay);
        let retention = self.scale_to_zero_pod_retention_period;
        if grace <= SignedDuration::ZERO {
            return Err(format!(
                "scale-to-zero-grace-period must be positive, was: {}",
                format(grace)
            ));
        }
        if delay.is_negative() {
            return Err(format!(
                "scale-down-delay cannot be negative, was: {}",
                format(delay)
            ));
        }
        if delay.subsec_nanos() != 0 {
            return Err(format!(
                "scale-down-delay = {}, must be specified with at most second precision",
                format(delay)
            ));
        }
        if retention.is_negative() {
            return Err(format!(
                "scale-to-zero-pod-retention-period cannot be negative, was: {}",
                format(retention)
            ));
        }
        Ok(())
    }

    fn check_targets(&self) -> Result<(), String> {
        let (burst, fraction) = (
            self.target_burst_capacity,
            self.container_concurrency_target_fraction,
        );
        if burst < 0.0 && !is_unlimited(burst) {
            return Err(format!(
                "target-burst-capacity must be either non-negative or -1 (for unlimited), was: {}",
                print_fixed(burst)
            ));
        }
        if fraction <= 0.0 || fraction > 1.0 {
            return Err(format!(
                "container-concurrency-target-percentage = {} is outside of valid range of (0, 100]",
                print_fixed(fraction)
            ));
        }
        let target = fraction * self.container_concurrency_target_default;
        if target < TARGET_MIN {
            return Err(format!(
                "container-concurrency-target-percentage and container-concurrency-target-default yield target \
                 concurrency of {}, can't be less than {TARGET_MIN}",
                print_float(target)
            ));
        }
        if self.rps_target_default < TARGET_MIN {
            return Err(format!(
                "requests-per-second-target-default must be at least {TARGET_MIN}, was: {}",
                print_float(self.rps_target_default)
            ));
        }
        Ok(())
    }

    fn check_rates(&self) -> Result<(), String> {
        if self.activator_capacity < 1.0 {
            let capacity = print_float(self.activator_capacity);
            return Err(format!(
                "activator-capacity = {capacity}, must be at least 1"
            ));
        }
        for (key, rate) in [
            ("max-scale-up-rate", self.max_scale_up_rate),
            ("max-scale-down-rate", self.max_scale_down_rate),
        ] {
            if rate <= 1.0 {
                return Err(format!(
                    "{key} = {}, must be greater than 1.0",
                    print_float(rate)
                ));
            }
        }
        Ok(())
    }

    fn check_windows(&self) -> Result<(), String> {
        let window = self.stable_window;
        if window < WINDOW_MIN || window > WINDOW_MAX {
            return Err(format!(
                "stable-window = {}, must be in [{}; {}] range",
                format(window),
                format(WINDOW_MIN),
                format(WINDOW_MAX)
            ));
        }
        if window.subsec_nanos() != 0 {
            return Err(format!(
                "stable-window = {}, must be specified with at most second precision",
                format(window)
            ));
        }
        let percentage = self.panic_window_percentage;
        if is_outside(percentage, 1.0, 100.0) {
            return Err(format!(
                "panic-window-percentage = {}, must be in [1, 100] interval",
                print_float(percentage)
            ));
        }
        Ok(())
    }

    fn check_scales(&self) -> Result<(), String> {
        let Self {
            initial_scale: initial,
            min_scale: min,
            max_scale: max,
            max_scale_limit: limit,
            ..
        } = *self;
        if initial < 0 || (initial == 0 && !self.allow_zero_initial_scale) {
            return Err(format!(
                "initial-scale = {initial}, must be at least 0 (or at least 1 when allow-zero-initial-scale is false)"
            ));
        }
        if min < 0 {
            return Err(format!("min-scale = {min}, must be at least 0"));
        }
        // Under a limit the default must be bounded too.
        let least = i32::from(limit > 0);
        if max < least || (limit > 0 && max > limit) {
            return Err(format!(
                "max-scale = {max}, must be in [{least}, max-scale-limit({limit})] range"
            ));
        }
        if limit < 0 {
            return Err(format!("max-scale-limit = {limit}, must be at least 0"));
        }
        if max > 0 && min > max {
            return Err(format!(
                "min-scale ({min}) must be less than max-scale ({max})"
            ));
        }
        Ok(())
    }
}

/// Whether a burst capacity says "always through the activator".
#[expect(
    clippy::float_cmp,
    reason = "-1 stands for itself, numbers near it are mistakes"
)]
pub(crate) fn is_unlimited(burst: f64) -> bool {
    burst == -1.0
}
