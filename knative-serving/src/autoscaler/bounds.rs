//! What annotations of a `PodAutoscaler` and the configuration together ask for.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use knative_core::object::parse_duration;

use super::collect::CollectSpec;
use super::policy::{DeciderSpec, Metric};
use super::window::Algorithm;
use crate::api::autoscaling::annotation::{
    Annotations, CONCURRENCY, CPU, HPA, KPA, RPS, WEIGHTED_EXPONENTIAL, WEIGHTED_EXPONENTIAL_ALT,
};
use crate::api::autoscaling::pod_autoscaler::UNREACHABLE;
use crate::api::keys::serving::PROGRESS_DEADLINE;
use crate::config::Autoscaler;

/// No target is smaller.
const MIN_TARGET: f64 = 0.01;
/// No panic window is shorter, since that is the length of a bucket.
const MIN_PANIC_WINDOW: SignedDuration = SignedDuration::from_secs(1);

/// Settings of one revision's scaling. An annotation that is absent or does not parse leaves the configuration's value.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use knative_serving::autoscaler::bounds::Bounds;
///
/// let annotations = BTreeMap::from([
///     ("autoscaling.knative.dev/target".to_owned(), "50".to_owned()),
///     ("autoscaling.knative.dev/min-scale".to_owned(), "2".to_owned()),
/// ]);
/// let bounds = Bounds::resolve(&annotations, 0, "Reachable", &Default::default());
/// assert_eq!((bounds.min_scale, bounds.decider.target_value), (2, 35.0));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    /// Which autoscaler is responsible.
    pub class: String,
    /// Name of the metric; empty where the class has no default and no annotation names one.
    pub metric: String,
    /// Fewest replicas; 0 for a revision that no route leads to.
    pub min_scale: i32,
    /// Most replicas; 0 = no limit.
    pub max_scale: i32,
    /// Time that the stable average covers.
    pub stable_window: SignedDuration,
    /// Time that the panic average covers: a share of the stable window, in whole seconds, at least one.
    pub panic_window: SignedDuration,
    /// How buckets are weighed, as annotated; empty = linear.
    pub aggregation_algorithm: String,
    /// Retention of the last replica, as annotated.
    pub pod_retention: Option<SignedDuration>,
    /// Time that instances have to become ready, as annotated.
    pub progress_deadline: Option<SignedDuration>,
    /// When the last replica goes.
    pub scale_to_zero: ScaleToZero,
    /// What a policy is given.
    pub decider: DeciderSpec,
}

/// When the last replica of a revision goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScaleToZero {
    /// Whether it goes at all.
    pub enabled: bool,
    /// Time in which requests may still be on their way to it.
    pub grace_period: SignedDuration,
    /// Least time that it stays after traffic ended.
    pub retention: SignedDuration,
}

impl Bounds {
    /// Resolves the `annotations` of a `PodAutoscaler`, its container concurrency (0 = no limit) and its reachability
    /// over `config`.
    pub fn resolve(
        annotations: &BTreeMap<String, String>,
        container_concurrency: i64,
        reachability: &str,
        config: &Autoscaler,
    ) -> Self {
        let progress_deadline = progress_deadline(annotations);
        let annotations = Annotations::new(annotations);
        let class = annotations.class().unwrap_or(KPA);
        let metric = annotations.metric().unwrap_or(default_metric(class));
        let reachable = reachability != UNREACHABLE;
        let stable_window = annotations.window().unwrap_or(config.stable_window);
        let pod_retention = annotations.scale_to_zero_pod_retention_period();
        Self {
            class: class.to_owned(),
            metric: metric.to_owned(),
            min_scale: min_scale(annotations, reachable, config),
            max_scale: annotations.max_scale().unwrap_or(config.max_scale),
            stable_window,
            panic_window: panic_window(annotations, stable_window, config),
            aggregation_algorithm: algorithm(annotations).to_owned(),
            pod_retention,
            progress_deadline,
            scale_to_zero: ScaleToZero::new(pod_retention, config),
            decider: DeciderSpec {
                scaling_metric: Metric::from(metric),
                stable_window,
                reachable,
                ..decider(annotations, metric, container_concurrency, config)
            },
        }
    }

    /// How the revision is to be measured. Where requests always pass the activator, that reports alone.
    pub fn collect_spec(&self) -> CollectSpec {
        CollectSpec {
            stable_window: self.stable_window,
            panic_window: self.panic_window,
            algorithm: Algorithm::named(&self.aggregation_algorithm),
            reported_by_replicas: self.is_scraped(),
        }
    }

    /// Whether replicas are asked for their load: not where requests always pass the activator.
    pub fn is_scraped(&self) -> bool {
        self.decider.target_burst_capacity >= 0.0
    }
}

impl ScaleToZero {
    fn new(retention: Option<SignedDuration>, config: &Autoscaler) -> Self {
        Self {
            enabled: config.enable_scale_to_zero,
            grace_period: config.scale_to_zero_grace_period,
            retention: retention.unwrap_or(config.scale_to_zero_pod_retention_period),
        }
    }
}

pub(crate) fn progress_deadline(annotations: &BTreeMap<String, String>) -> Option<SignedDuration> {
    parse_duration(annotations.get(PROGRESS_DEADLINE)?).ok()
}

fn default_metric(class: &str) -> &'static str {
    match class {
        KPA => CONCURRENCY,
        HPA => CPU,
        _ => "",
    }
}

fn min_scale(annotations: Annotations<'_>, reachable: bool, config: &Autoscaler) -> i32 {
    if reachable {
        annotations.min_scale().unwrap_or(config.min_scale)
    } else {
        0
    }
}

/// An initial scale of 0 counts only where the platform allows it.
fn initial_scale(annotations: Annotations<'_>, config: &Autoscaler) -> i32 {
    let allowed = |scale: &i32| *scale != 0 || config.allow_zero_initial_scale;
    annotations
        .initial_scale()
        .filter(allowed)
        .unwrap_or(config.initial_scale)
}

fn algorithm(annotations: Annotations<'_>) -> &str {
    match annotations.metric_aggregation_algorithm() {
        Some(WEIGHTED_EXPONENTIAL_ALT) => WEIGHTED_EXPONENTIAL,
        other => other.unwrap_or_default(),
    }
}

fn panic_window(
    annotations: Annotations<'_>,
    stable_window: SignedDuration,
    config: &Autoscaler,
) -> SignedDuration {
    let percentage = annotations
        .panic_window_percentage()
        .unwrap_or(config.panic_window_percentage);
    let nanos = cut(float_of(stable_window.as_nanos()) * percentage / 100.0);
    round_to_seconds(SignedDuration::from_nanos(nanos)).max(MIN_PANIC_WINDOW)
}

/// Halves round up.
fn round_to_seconds(duration: SignedDuration) -> SignedDuration {
    SignedDuration::from_secs((duration + SignedDuration::from_millis(500)).as_secs())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "Knative computes windows in floats of nanoseconds"
)]
fn float_of(nanos: i128) -> f64 {
    nanos as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "`as` saturates; windows are hours at most"
)]
fn cut(nanos: f64) -> i64 {
    nanos as i64
}

/// All of the decider's spec that does not depend on other bounds.
fn decider(
    annotations: Annotations<'_>,
    metric: &str,
    container_concurrency: i64,
    config: &Autoscaler,
) -> DeciderSpec {
    let (target_value, total_value) = target(annotations, metric, container_concurrency, config);
    let burst = annotations.target_burst_capacity();
    let panic = annotations.panic_threshold_percentage();
    DeciderSpec {
        scaling_metric: Metric::default(),
        target_value,
        total_value,
        target_burst_capacity: burst.unwrap_or(config.target_burst_capacity),
        activator_capacity: config.activator_capacity,
        panic_threshold: panic.unwrap_or(config.panic_threshold_percentage) / 100.0,
        max_scale_up_rate: config.max_scale_up_rate,
        max_scale_down_rate: config.max_scale_down_rate,
        stable_window: config.stable_window,
        scale_down_delay: annotations
            .scale_down_delay()
            .unwrap_or(config.scale_down_delay),
        initial_scale: initial_scale(annotations, config),
        activation_scale: annotations.activation_scale().unwrap_or_default(),
        reachable: true,
    }
}

/// Target and total per replica. The total is what a replica can take; an annotated target replaces it, but never exceeds
/// the container concurrency. The target is the utilised share of it.
fn target(
    annotations: Annotations<'_>,
    metric: &str,
    container_concurrency: i64,
    config: &Autoscaler,
) -> (f64, f64) {
    let hard_limit = hard_limit(container_concurrency);
    let (default_total, default_utilization) = match metric {
        RPS => (config.rps_target_default, config.target_utilization),
        _ => (
            hard_limit.unwrap_or(config.container_concurrency_target_default),
            config.container_concurrency_target_fraction,
        ),
    };
    let limit = hard_limit
        .filter(|_| metric == CONCURRENCY)
        .unwrap_or(f64::INFINITY);
    let total = annotations
        .target()
        .map_or(default_total, |target| target.min(limit));
    let utilization = annotations
        .target_utilization_percentage()
        .map_or(default_utilization, |percentage| percentage / 100.0);
    ((total * utilization).max(MIN_TARGET), total)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "admission keeps the limit within 1000"
)]
fn hard_limit(container_concurrency: i64) -> Option<f64> {
    (container_concurrency != 0).then_some(container_concurrency as f64)
}

#[cfg(test)]
mod tests;
