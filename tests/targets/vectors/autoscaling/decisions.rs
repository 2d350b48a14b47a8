//! `kpa-decisions.json`: one autoscaler per case, one decision per step.

use knative_serving::autoscaler::{
    Averages, DeciderSpec, Decision, Kpa, Observation, ScalingPolicy,
};
use libtest_mimic::Failed;
use serde_json::Value;

use super::spec::{self, int};
use super::{START, equal, float, time};

pub(super) fn run(case: &Value) -> Result<(), Failed> {
    let mut limits = spec::read(&case["spec"]);
    let start = jiff::Timestamp::from_second(START)?;
    let mut kpa = Kpa::new(&limits, count(&case["ready_pods_at_start"]), start);
    for step in case["steps"].as_array().into_iter().flatten() {
        if !step["update"].is_null() {
            limits = spec::read(&step["update"]);
        }
        let decision = decide(&mut kpa, &limits, step)?;
        check(&kpa, decision.as_ref(), step)
            .map_err(|failed| explain(&failed, decision.as_ref(), step))?;
    }
    Ok(())
}

fn count(value: &Value) -> u32 {
    value
        .as_u64()
        .and_then(|value| u32::try_from(value).ok())
        .unwrap_or_default()
}

/// None where something is not known: then nothing is decided.
fn decide(kpa: &mut Kpa, limits: &DeciderSpec, step: &Value) -> Result<Option<Decision>, Failed> {
    let ready = match step["ready_error"].as_str() {
        None => count(&step["ready_pods"]),
        Some("not-found") => 0,
        Some(_) => return Ok(None),
    };
    if !step["metric_error"].is_null() {
        return Ok(None);
    }
    let averages = Averages {
        stable: float(&step["stable"]),
        panic: float(&step["panic"]),
    };
    Ok(Some(kpa.decide(
        limits,
        &Observation { ready, averages },
        time(&step["now_s"])?,
    )))
}

fn check(kpa: &Kpa, decision: Option<&Decision>, step: &Value) -> Result<(), Failed> {
    let want = &step["want"];
    equal("valid", &decision.is_some(), &(want["valid"] == true))?;
    equal("panic", &kpa.is_panicking(), &(want["panic"] == true))?;
    let Some(decision) = decision else {
        return Ok(());
    };
    equal(
        "panic of the decision",
        &decision.panic,
        &kpa.is_panicking(),
    )?;
    equal("desired", &decision.replicas, &int(&want["desired"]))?;
    equal(
        "excess_burst_capacity",
        &decision.excess_burst_capacity,
        &int(&want["excess_burst_capacity"]),
    )
}

fn explain(failed: &Failed, decision: Option<&Decision>, step: &Value) -> Failed {
    let reasons: Vec<_> = decision
        .into_iter()
        .flat_map(|decision| &decision.reasons)
        .map(ToString::to_string)
        .collect();
    format!(
        "{}\nat {step}\n- {}",
        failed.message().unwrap_or_default(),
        reasons.join("\n- ")
    )
    .into()
}
