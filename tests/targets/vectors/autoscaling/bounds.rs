//! `pa-bounds.json`: annotations and configuration to bounds and the decider before its first tick.

use jiff::SignedDuration;
use knative_serving::autoscaler::DeciderStatus;
use knative_serving::autoscaler::bounds::Bounds;
use knative_serving::config::Autoscaler;
use libtest_mimic::Failed;
use serde_json::Value;

use super::spec::{self, int};
use super::{close, equal, seconds, strings, text};

pub(super) fn run(case: &Value) -> Result<(), Failed> {
    let want = &case["want"];
    let config = Autoscaler::parse(&strings(&case["config"]));
    if !want["config_error"].is_null() {
        return equal("a configuration error", &config.is_err(), &true);
    }
    let bounds = resolve(case, &config?);
    check_scales(&bounds, want)?;
    check_times(&bounds, want)?;
    spec::same(&bounds.decider, &want["decider"])?;
    check_initial(&bounds, want)
}

pub(super) fn resolve(case: &Value, config: &Autoscaler) -> Bounds {
    Bounds::resolve(
        &strings(&case["annotations"]),
        case["container_concurrency"].as_i64().unwrap_or_default(),
        text(&case["reachability"]),
        config,
    )
}

fn check_scales(bounds: &Bounds, want: &Value) -> Result<(), Failed> {
    equal("class", &bounds.class.as_str(), &text(&want["class"]))?;
    equal("metric", &bounds.metric.as_str(), &text(&want["metric"]))?;
    equal("min_scale", &bounds.min_scale, &int(&want["min_scale"]))?;
    equal("max_scale", &bounds.max_scale, &int(&want["max_scale"]))?;
    close(
        "target",
        bounds.decider.target_value,
        super::float(&want["target"]),
    )?;
    close(
        "total",
        bounds.decider.total_value,
        super::float(&want["total"]),
    )
}

fn check_times(bounds: &Bounds, want: &Value) -> Result<(), Failed> {
    equal(
        "stable_window",
        &bounds.stable_window,
        &seconds(&want["stable_window_s"]),
    )?;
    equal(
        "panic_window",
        &bounds.panic_window,
        &seconds(&want["panic_window_s"]),
    )?;
    equal(
        "retention",
        &bounds.pod_retention,
        &annotated(&want["pod_retention_annotation_s"]),
    )?;
    equal(
        "deadline",
        &bounds.progress_deadline,
        &annotated(&want["progress_deadline_annotation_s"]),
    )?;
    let algorithm = text(&want["aggregation_algorithm"]);
    equal(
        "aggregation_algorithm",
        &bounds.aggregation_algorithm.as_str(),
        &algorithm,
    )
}

fn check_initial(bounds: &Bounds, want: &Value) -> Result<(), Failed> {
    let status = DeciderStatus::initial(&bounds.decider);
    let desired = status.desired_scale.unwrap_or(-1);
    equal(
        "initial_desired_scale",
        &desired,
        &int(&want["initial_desired_scale"]),
    )?;
    let excess = int(&want["initial_excess_burst_capacity"]);
    equal(
        "initial_excess_burst_capacity",
        &status.excess_burst_capacity,
        &excess,
    )
}

fn annotated(value: &Value) -> Option<SignedDuration> {
    (!value.is_null()).then(|| seconds(value))
}
