//! The decider's spec as the vectors write it.

use knative_serving::autoscaler::{DeciderSpec, Metric};
use libtest_mimic::Failed;
use serde_json::Value;

use super::{close, equal, float, seconds, text};

pub(super) fn int(value: &Value) -> i32 {
    value
        .as_i64()
        .and_then(|value| i32::try_from(value).ok())
        .unwrap_or_default()
}

pub(super) fn read(spec: &Value) -> DeciderSpec {
    DeciderSpec {
        scaling_metric: Metric::from(text(&spec["scaling_metric"])),
        target_value: float(&spec["target_value"]),
        total_value: float(&spec["total_value"]),
        target_burst_capacity: float(&spec["target_burst_capacity"]),
        activator_capacity: float(&spec["activator_capacity"]),
        panic_threshold: float(&spec["panic_threshold"]),
        max_scale_up_rate: float(&spec["max_scale_up_rate"]),
        max_scale_down_rate: float(&spec["max_scale_down_rate"]),
        stable_window: seconds(&spec["stable_window_s"]),
        scale_down_delay: seconds(&spec["scale_down_delay_s"]),
        initial_scale: int(&spec["initial_scale"]),
        activation_scale: int(&spec["activation_scale"]),
        reachable: spec["reachable"] == true,
    }
}

pub(super) fn same(got: &DeciderSpec, want: &Value) -> Result<(), Failed> {
    let want = read(want);
    equal("scaling_metric", &got.scaling_metric, &want.scaling_metric)?;
    close("target_value", got.target_value, want.target_value)?;
    close("total_value", got.total_value, want.total_value)?;
    close(
        "target_burst_capacity",
        got.target_burst_capacity,
        want.target_burst_capacity,
    )?;
    close(
        "activator_capacity",
        got.activator_capacity,
        want.activator_capacity,
    )?;
    close("panic_threshold", got.panic_threshold, want.panic_threshold)?;
    close(
        "max_scale_up_rate",
        got.max_scale_up_rate,
        want.max_scale_up_rate,
    )?;
    close(
        "max_scale_down_rate",
        got.max_scale_down_rate,
        want.max_scale_down_rate,
    )?;
    equal("stable_window", &got.stable_window, &want.stable_window)?;
    equal(
        "scale_down_delay",
        &got.scale_down_delay,
        &want.scale_down_delay,
    )?;
    equal("initial_scale", &got.initial_scale, &want.initial_scale)?;
    equal(
        "activation_scale",
        &got.activation_scale,
        &want.activation_scale,
    )?;
    equal("reachable", &got.reachable, &want.reachable)
}
