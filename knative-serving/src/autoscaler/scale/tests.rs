use std::collections::BTreeMap;

use knative_core::Conditioned;
use proptest::prelude::*;

use super::*;
use crate::api::networking::{ServerlessServiceSpec, ServerlessServiceStatus};
use crate::config::Autoscaler;

const NOW: i64 = 100_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn bounds(annotations: &[(&str, &str)]) -> Bounds {
    let annotations: BTreeMap<_, _> = annotations
        .iter()
        .map(|(key, value)| {
            (
                format!("autoscaling.knative.dev/{key}"),
                (*value).to_owned(),
            )
        })
        .collect();
    Bounds::resolve(&annotations, 0, "Reachable", &Autoscaler::default())
}

fn service(mode: SksMode) -> ServerlessService {
    let mut status = ServerlessServiceStatus {
        service_name: "rev".to_owned(),
        private_service_name: "rev-private".to_owned(),
        ..ServerlessServiceStatus::default()
    };
    status.mark_endpoints_ready(at(0));
    ServerlessService {
        spec: ServerlessServiceSpec {
            mode: mode.as_str().to_owned(),
            num_activators: 2,
            ..ServerlessServiceSpec::default()
        },
        status: Some(status),
        ..ServerlessService::default()
    }
}

/// A status whose `Active` has had this state for so many seconds.
fn status(activity: &Activity, lasted: i64) -> PodAutoscalerStatus {
    let mut status = PodAutoscalerStatus {
        service_name: "rev".to_owned(),
        ..Default::default()
    };
    status.initialize_conditions(at(0));
    status.mark_scale_target_initialized(at(1));
    let other = if *activity == Activity::Activating {
        Activity::Active
    } else {
        Activity::Activating
    };
    other.mark(&mut status, at(2));
    activity.mark(&mut status, at(NOW - lasted));
    status
}

struct Case {
    bounds: Bounds,
    status: PodAutoscalerStatus,
    sks: ServerlessService,
    desired: Option<i32>,
    ready: u32,
    answers: bool,
}

impl Case {
    fn new(activity: &Activity, lasted: i64) -> Self {
        Self {
            bounds: bounds(&[]),
            status: status(activity, lasted),
            sks: service(SksMode::Serve),
            desired: Some(0),
            ready: 1,
            answers: true,
        }
    }

    fn plan(&self) -> Plan {
        let input = ScaleInput {
            bounds: &self.bounds,
            progress_deadline: SignedDuration::from_secs(600),
            status: &self.status,
            sks: Some(&self.sks),
            sks_owned: true,
            decided: DeciderStatus {
                desired_scale: self.desired,
                excess_burst_capacity: 0,
            },
            replicas: Some(7),
            ready: self.ready,
            activator_answers: self.answers,
        };
        plan(&input, at(NOW))
    }
}

fn after(seconds: i64) -> Requeue {
    Requeue::After(SignedDuration::from_secs(seconds))
}

#[test]
fn an_idle_revision_keeps_one_replica_for_a_stable_window() {
    let plan = Case::new(&Activity::Active, 20).plan();
    assert_eq!((plan.scale_to, plan.requeue), (Some(1), Some(after(40))));
    assert_eq!(plan.status.activity, Some(Activity::Active));
    let plan = Case::new(&Activity::Active, 60).plan();
    assert_eq!((plan.scale_to, plan.requeue), (None, None));
    assert_eq!(plan.status.activity, Some(Activity::NoTraffic));
    assert_eq!(plan.sks.map(|sks| sks.mode), Some(SksMode::Proxy));
}

#[test]
fn the_last_replica_goes_after_the_grace_period() {
    let plan = Case::new(&Activity::NoTraffic, 29).plan();
    assert_eq!((plan.scale_to, plan.requeue), (None, Some(after(30))));
    assert_eq!(Case::new(&Activity::NoTraffic, 30).plan().scale_to, Some(0));
    let mut proxied = Case::new(&Activity::NoTraffic, 1);
    proxied
        .sks
        .status
        .as_mut()
        .unwrap()
        .mark_activator_endpoints_populated(at(NOW - 30));
    assert_eq!(proxied.plan().scale_to, Some(0));
}

#[test]
fn nothing_goes_before_the_activator_answers() {
    let silent = Case {
        answers: false,
        ..Case::new(&Activity::NoTraffic, 1000)
    };
    let plan = silent.plan();
    assert_eq!(
        (plan.scale_to, plan.requeue),
        (None, Some(Requeue::AfterProbing))
    );
    assert_eq!(plan.reasons, [ScaleReason::ActivatorSilent]);
    let always = Case {
        bounds: bounds(&[("target-burst-capacity", "-1")]),
        ..silent
    };
    assert_eq!(always.plan().scale_to, Some(0));
}

#[test]
fn retention_holds_the_last_replica() {
    let annotations = [("scale-to-zero-pod-retention-period", "2m")];
    let case = Case {
        bounds: bounds(&annotations),
        ..Case::new(&Activity::NoTraffic, 100)
    };
    let plan = case.plan();
    assert_eq!((plan.scale_to, plan.requeue), (None, Some(after(20))));
}

#[test]
fn an_activation_fails_strictly_after_its_deadline() {
    let case = |lasted| Case {
        ready: 0,
        ..Case::new(&Activity::Activating, lasted)
    };
    let plan = case(630).plan();
    assert_eq!((plan.scale_to, plan.requeue), (None, Some(after(630))));
    let plan = case(631).plan();
    assert_eq!(
        (plan.scale_to, plan.status.activity),
        (Some(0), Some(Activity::TimedOut))
    );
}

#[test]
fn bounds_apply_and_the_minimum_wins() {
    let scale = |annotations: &[(&str, &str)], desired| {
        let active = Case::new(&Activity::Active, 1000);
        Case {
            bounds: bounds(annotations),
            desired: Some(desired),
            ..active
        }
        .plan()
        .scale_to
    };
    assert_eq!(scale(&[("max-scale", "3")], 50), Some(3));
    assert_eq!(scale(&[("min-scale", "3")], 1), Some(3));
    assert_eq!(scale(&[("min-scale", "6"), ("max-scale", "4")], 5), Some(6));
    assert_eq!(scale(&[], 7), None);
}

#[test]
fn an_unknown_decision_leaves_a_known_scale() {
    let mut case = Case {
        desired: None,
        ..Case::new(&Activity::Active, 1000)
    };
    case.status.desired_scale = Some(3);
    let plan = case.plan();
    assert_eq!(
        (plan.scale_to, &plan.reasons[..]),
        (None, &[ScaleReason::Unknown][..])
    );
    plan.status.apply(&mut case.status, at(NOW));
    assert_eq!(case.status.desired_scale, Some(3));
}

fn activity() -> impl Strategy<Value = Activity> {
    prop::sample::select(vec![
        Activity::Active,
        Activity::Activating,
        Activity::NoTraffic,
        Activity::TimedOut,
    ])
}

proptest! {
    #[test]
    fn a_plan_stays_within_bounds(
        (min, max) in (0_i32..20).prop_flat_map(|min| (Just(min), min.max(1)..40)),
        desired in prop::option::of(0_i32..100),
        activity in activity(),
        lasted in 0_i64..2000,
        ready in 0_u32..50,
        answers: bool,
    ) {
        let (min_text, max_text) = (min.to_string(), max.to_string());
        let bounds = bounds(&[("min-scale", &min_text), ("max-scale", &max_text)]);
        let case = Case { bounds, desired, ready, answers, ..Case::new(&activity, lasted) };
        let plan = case.plan();
        if let Some(replicas) = plan.scale_to {
            prop_assert!((min..=max).contains(&replicas));
        }
        prop_assert!(plan.sks.is_some_and(|sks| sks.num_activators >= MIN_ACTIVATORS));
    }

    #[test]
    fn zero_is_reached_only_from_an_inactive_or_failed_revision(
        activity in activity(),
        lasted in 0_i64..2000,
        ready in 0_u32..50,
        answers: bool,
    ) {
        let plan = Case { ready, answers, ..Case::new(&activity, lasted) }.plan();
        if plan.scale_to == Some(0) {
            let failed = plan.status.activity == Some(Activity::TimedOut);
            let quiet = matches!(activity, Activity::NoTraffic | Activity::TimedOut);
            prop_assert!(failed || (quiet && answers));
            prop_assert_eq!(plan.sks.map(|sks| sks.mode), Some(SksMode::Proxy));
        }
    }

    #[test]
    fn a_plan_that_waits_says_why_and_when(activity in activity(), lasted in 0_i64..2000, answers: bool) {
        let case = Case { answers, ..Case::new(&activity, lasted) };
        let plan = case.plan();
        prop_assert!(!plan.reasons.is_empty());
        if let Some(Requeue::After(time)) = plan.requeue {
            prop_assert!(time > SignedDuration::ZERO);
        }
    }
}
