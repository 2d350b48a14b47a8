//! `kpa-reconcile.json`: one plan at a standing clock.

use jiff::{SignedDuration, Timestamp};
use knative_core::{Condition, ConditionStatus, Conditioned};
use knative_serving::api::autoscaling::PodAutoscalerStatus;
use knative_serving::api::networking::{
    ServerlessService, ServerlessServiceSpec, ServerlessServiceStatus,
};
use knative_serving::autoscaler::DeciderStatus;
use knative_serving::autoscaler::scale::{
    PROBE_PERIOD, PROBE_REQUEUE, PROBE_TIMEOUT, Plan, Requeue, ScaleInput, plan,
};
use knative_serving::config::Autoscaler;
use libtest_mimic::Failed;
use serde_json::Value;

use super::bounds::resolve;
use super::spec::int;
use super::{START, equal, seconds, strings, text};

/// Age of what became so long ago.
const OLD: SignedDuration = SignedDuration::from_secs(5000);

pub(super) fn run(case: &Value) -> Result<(), Failed> {
    let now = Timestamp::from_second(START)?;
    let bounds = resolve(case, &Autoscaler::parse(&strings(&case["config"]))?);
    let mut status = status(&case["pa_status"], now);
    let sks = service(&case["sks"], now);
    let plan = plan(
        &ScaleInput {
            bounds: &bounds,
            progress_deadline: progress_deadline(text(&case["progress_deadline"]))?,
            status: &status,
            sks: sks.as_ref(),
            sks_owned: case["sks"]["not_owned"] != true,
            decided: DeciderStatus {
                desired_scale: Some(int(&case["decider_desired_scale"]))
                    .filter(|scale| *scale >= 0),
                excess_burst_capacity: int(&case["decider_excess_burst_capacity"]),
            },
            replicas: case["deployment_replicas"]
                .as_i64()
                .and_then(|n| i32::try_from(n).ok()),
            ready: u32::try_from(int(&case["pods"]["ready"]))?,
            activator_answers: case["activator_probe_failures"] == 0,
        },
        now,
    );
    plan.status.apply(&mut status, now);
    check(case, &plan, sks.as_ref(), bounds.is_scraped())
        .and_then(|()| check_status(&case["want"], &status, now))
        .map_err(|failed| format!("{}\n{plan:#?}", failed.message().unwrap_or_default()).into())
}

fn progress_deadline(text: &str) -> Result<SignedDuration, Failed> {
    match text {
        "" => Ok(SignedDuration::from_secs(600)),
        text => Ok(knative_core::object::parse_duration(text)?),
    }
}

fn condition(r#type: &str, value: &Value, now: Timestamp) -> Condition {
    Condition {
        last_transition_time: Some(now - seconds(&value["for_s"])),
        ..Condition::new(r#type, state(&value["status"]))
            .because(text(&value["reason"]), text(&value["message"]))
    }
}

fn state(value: &Value) -> ConditionStatus {
    match text(value) {
        "True" => ConditionStatus::True,
        "False" => ConditionStatus::False,
        _ => ConditionStatus::Unknown,
    }
}

fn status(value: &Value, now: Timestamp) -> PodAutoscalerStatus {
    let scale = |value: &Value| value.as_i64().and_then(|scale| i32::try_from(scale).ok());
    let old = |r#type, status| Condition {
        last_transition_time: Some(now - OLD),
        ..Condition::new(r#type, status)
    };
    let initialized = if value["scale_target_initialized"] == true {
        ConditionStatus::True
    } else {
        ConditionStatus::Unknown
    };
    let mut conditions = Vec::new();
    if !value["active"].is_null() {
        conditions = vec![
            condition("Active", &value["active"], now),
            condition("Ready", &value["active"], now),
            old("SKSReady", ConditionStatus::True),
            old("ScaleTargetInitialized", initialized),
        ];
    }
    let mut status = PodAutoscalerStatus {
        service_name: text(&value["service_name"]).to_owned(),
        desired_scale: scale(&value["desired_scale"]),
        actual_scale: scale(&value["actual_scale"]),
        conditions,
        ..PodAutoscalerStatus::default()
    };
    status.initialize_conditions(now);
    status
}

fn service(value: &Value, now: Timestamp) -> Option<ServerlessService> {
    let populated = &value["activator_populated_for_s"];
    let mut status = ServerlessServiceStatus {
        service_name: text(&value["service_name"]).to_owned(),
        private_service_name: text(&value["private_service_name"]).to_owned(),
        ..ServerlessServiceStatus::default()
    };
    let since = now - OLD;
    status.initialize_conditions(since);
    if value["ready"] == true {
        status.mark_endpoints_ready(since);
    } else {
        status.mark_endpoints_not_ready("NoHealthyBackends", since);
    }
    if !populated.is_null() {
        status.mark_activator_endpoints_populated(now - seconds(populated));
    }
    let spec = ServerlessServiceSpec {
        mode: text(&value["mode"]).to_owned(),
        num_activators: int(&value["num_activators"]),
        ..ServerlessServiceSpec::default()
    };
    let mut sks = ServerlessService {
        spec,
        status: Some(status),
        ..ServerlessService::default()
    };
    sks.metadata.name = Some("rev".to_owned());
    (!value.is_null()).then_some(sks)
}

fn check(
    case: &Value,
    plan: &Plan,
    sks: Option<&ServerlessService>,
    scraped: bool,
) -> Result<(), Failed> {
    let want = &case["want"];
    let failures = int(&case["activator_probe_failures"]);
    equal("error", &plan.failure.is_some(), &!want["error"].is_null())?;
    let scale_to = want["scale_to"].as_i64().map(|_| int(&want["scale_to"]));
    equal("scale_to", &plan.scale_to, &scale_to)?;
    let requeue = plan.requeue.map(|requeue| comes_back(requeue, failures));
    let wanted = (!want["requeue_after_s"].is_null()).then(|| seconds(&want["requeue_after_s"]));
    equal("requeue_after_s", &requeue, &wanted)?;
    equal("sks_action", &action(plan, sks), &text(&want["sks_action"]))?;
    check_service(want, plan, sks)?;
    let measured = plan.status.metrics_service_name.as_deref();
    let target = measured.map(|name| if scraped { name } else { "" });
    equal(
        "metric_scrape_target",
        &target,
        &want["metric_scrape_target"].as_str(),
    )
}

/// The first probe of the reconcile failed; then one at once and one a second.
fn comes_back(requeue: Requeue, failures: i32) -> SignedDuration {
    match requeue {
        Requeue::After(time) => time,
        Requeue::AfterProbing => PROBE_TIMEOUT.min(PROBE_PERIOD * (failures - 1)) + PROBE_REQUEUE,
    }
}

fn action(plan: &Plan, sks: Option<&ServerlessService>) -> &'static str {
    match (plan.sks, sks) {
        (Some(_), None) => "create",
        (Some(plan), Some(sks)) if !plan.is_met_by(sks) => "update",
        _ => "none",
    }
}

fn check_service(want: &Value, plan: &Plan, sks: Option<&ServerlessService>) -> Result<(), Failed> {
    let before = sks.map(|sks| (sks.spec.mode.as_str(), sks.spec.num_activators));
    let after = plan
        .sks
        .map(|sks| (sks.mode.as_str(), sks.num_activators))
        .or(before);
    let wanted = (text(&want["sks_mode"]), int(&want["sks_num_activators"]));
    equal("mode and number of activators", &after, &Some(wanted))
}

fn check_status(want: &Value, status: &PodAutoscalerStatus, now: Timestamp) -> Result<(), Failed> {
    equal(
        "desired_scale",
        &status.desired_scale,
        &Some(int(&want["desired_scale"])),
    )?;
    equal(
        "actual_scale",
        &status.actual_scale,
        &Some(int(&want["actual_scale"])),
    )?;
    equal(
        "service_name",
        &status.service_name.as_str(),
        &text(&want["service_name"]),
    )?;
    let metrics = text(&want["metrics_service_name"]);
    equal(
        "metrics_service_name",
        &status.metrics_service_name.as_str(),
        &metrics,
    )?;
    for wanted in want["conditions"].as_array().into_iter().flatten() {
        check_condition(wanted, status, now)?;
    }
    Ok(())
}

fn check_condition(
    want: &Value,
    status: &PodAutoscalerStatus,
    now: Timestamp,
) -> Result<(), Failed> {
    let name = text(&want["type"]);
    let got = status
        .condition(name)
        .ok_or_else(|| format!("no condition {name}"))?;
    equal(name, &got.status, &state(&want["status"]))?;
    equal(name, &got.reason.as_str(), &text(&want["reason"]))?;
    equal(name, &got.message.as_str(), &text(&want["message"]))?;
    let since = got.last_transition_time.ok_or("no transition time")?;
    let off = (now.duration_since(since) - seconds(&want["for_s"])).abs();
    equal(
        &format!("age of {name}"),
        &(off < SignedDuration::from_micros(1)),
        &true,
    )
}
