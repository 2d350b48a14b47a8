//! `config-autoscaler`: how revisions scale unless their annotations say otherwise.

use jiff::SignedDuration;

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
