use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::autoscaler::policy::{Averages, Metric};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn limits() -> DeciderSpec {
    DeciderSpec {
        scaling_metric: Metric::Concurrency,
        target_value: 10.0,
        total_value: 10.0,
        target_burst_capacity: 0.0,
        activator_capacity: 100.0,
        panic_threshold: 2.0,
        max_scale_up_rate: 1000.0,
        max_scale_down_rate: 2.0,
        stable_window: SignedDuration::from_secs(60),
        scale_down_delay: SignedDuration::ZERO,
        initial_scale: 1,
        activation_scale: 0,
        reachable: true,
    }
}

fn seen(ready: u32, stable: f64, panic: f64) -> Observation {
    Observation {
        ready,
        averages: Averages { stable, panic },
    }
}

#[test]
fn panic_is_entered_at_the_threshold_and_left_after_more_than_a_stable_window() {
    let limits = limits();
    let mut kpa = Kpa::new(&limits, 1, at(0));
    let calm = kpa.decide(&limits, &seen(2, 20.0, 30.0), at(2));
    assert_eq!((calm.replicas, calm.panic), (2, false));
    let panic = kpa.decide(&limits, &seen(2, 20.0, 40.0), at(4));
    assert_eq!((panic.replicas, panic.panic), (4, true));
    assert!(panic.reasons.contains(&Reason::PanicEntered {
        ratio: 2.0,
        threshold: 2.0
    }));
    let held = kpa.decide(&limits, &seen(4, 10.0, 10.0), at(64));
    assert_eq!((held.replicas, held.panic), (4, true));
    assert!(
        held.reasons
            .contains(&Reason::PanicHeld { wanted: 2, peak: 4 })
    );
    let left = kpa.decide(&limits, &seen(4, 20.0, 20.0), at(65));
    assert_eq!((left.replicas, left.panic), (2, false));
    assert!(left.reasons.contains(&Reason::PanicLeft));
}

#[test]
fn a_restart_with_several_replicas_begins_in_panic() {
    let limits = limits();
    let mut kpa = Kpa::new(&limits, 5, at(0));
    assert!(kpa.is_panicking());
    assert_eq!(kpa.decide(&limits, &seen(5, 0.0, 0.0), at(2)).replicas, 5);
    assert!(!Kpa::new(&limits, 1, at(0)).is_panicking());
}

#[test]
fn an_unreachable_revision_shrinks_at_once() {
    let limits = DeciderSpec {
        reachable: false,
        ..limits()
    };
    let mut kpa = Kpa::new(&limits, 1, at(0));
    assert_eq!(kpa.decide(&limits, &seen(100, 0.0, 0.0), at(2)).replicas, 0);
}

#[test]
fn the_activation_scale_beats_the_scale_up_rate() {
    let limits = DeciderSpec {
        activation_scale: 5,
        max_scale_up_rate: 2.0,
        ..limits()
    };
    let mut kpa = Kpa::new(&limits, 0, at(0));
    assert_eq!(kpa.decide(&limits, &seen(0, 1.0, 1.0), at(2)).replicas, 5);
    assert_eq!(kpa.decide(&limits, &seen(1, 0.0, 0.0), at(4)).replicas, 0);
}

#[test]
fn the_delay_holds_the_highest_decision() {
    let limits = DeciderSpec {
        scale_down_delay: SignedDuration::from_secs(10),
        ..limits()
    };
    let mut kpa = Kpa::new(&limits, 1, at(0));
    assert_eq!(kpa.decide(&limits, &seen(4, 40.0, 40.0), at(0)).replicas, 4);
    let held = kpa.decide(&limits, &seen(4, 20.0, 20.0), at(8));
    assert_eq!(held.replicas, 4);
    assert_eq!(
        held.reasons.last().map(ToString::to_string),
        Some("scale-down delay of 10s holds 4 although 2 would do".to_owned())
    );
    assert_eq!(
        kpa.decide(&limits, &seen(4, 20.0, 20.0), at(10)).replicas,
        2
    );
}

#[test]
fn burst_capacity_uses_the_really_ready_replicas() {
    let with = |target| DeciderSpec {
        target_burst_capacity: target,
        ..limits()
    };
    assert_eq!(burst::excess(&with(211.0), 0, 0.5), -212);
    assert_eq!(burst::excess(&with(211.0), 30, 0.0), 89);
    assert_eq!(burst::excess(&with(0.0), 3, 100.0), 0);
    assert_eq!(burst::excess(&with(-0.5), 3, 0.0), -1);
}

#[test]
fn activators_carry_capacity_and_burst() {
    let with = |target| DeciderSpec {
        target_burst_capacity: target,
        ..limits()
    };
    assert_eq!(activators(&with(0.0), 1000), 2);
    assert_eq!(activators(&with(211.0), 20), 5);
    assert_eq!(activators(&with(-1.0), 50), 5);
}

fn load() -> impl Strategy<Value = Vec<(u32, f64, f64)>> {
    prop::collection::vec((0_u32..50, 0.0..2000.0, 0.0..2000.0), 1..80)
}

proptest! {
    #[test]
    fn panic_never_decreases(load in load()) {
        let limits = limits();
        let mut kpa = Kpa::new(&limits, 0, at(0));
        let mut before: Option<Decision> = None;
        for (tick, (ready, stable, panic)) in (1_i64..).zip(load) {
            let decision = kpa.decide(&limits, &seen(ready, stable, panic), at(tick * 2));
            if let Some(before) = before.filter(|before| before.panic && decision.panic) {
                prop_assert!(decision.replicas >= before.replicas);
            }
            before = Some(decision);
        }
    }

    #[test]
    fn a_calm_decision_stays_within_the_rates(load in load()) {
        let limits = DeciderSpec { max_scale_up_rate: 3.0, panic_threshold: f64::INFINITY, ..limits() };
        let mut kpa = Kpa::new(&limits, 0, at(0));
        for (tick, (ready, stable, panic)) in (1_i64..).zip(load) {
            let decision = kpa.decide(&limits, &seen(ready, stable, panic), at(tick * 2));
            let counted = i32::try_from(ready.max(1)).unwrap();
            prop_assert!((counted / 2..=counted * 3).contains(&decision.replicas));
        }
    }

    #[test]
    fn more_load_never_asks_for_fewer(ready in 0_u32..50, low in 0.0..1000.0, more in 0.0..1000.0) {
        let limits = limits();
        let decide = |stable: f64| {
            Kpa::new(&limits, 0, at(0)).decide(&limits, &seen(ready, stable, stable), at(2))
        };
        let (before, after) = (decide(low), decide(low + more));
        prop_assert!(after.replicas >= before.replicas);
        prop_assert!(after.excess_burst_capacity <= before.excess_burst_capacity);
    }

    #[test]
    fn every_decision_gives_reasons(ready in 0_u32..50, stable in 0.0..1000.0, panic in 0.0..1000.0) {
        let limits = limits();
        let decision = Kpa::new(&limits, ready, at(0)).decide(&limits, &seen(ready, stable, panic), at(2));
        prop_assert!(decision.reasons.iter().all(|reason| !reason.to_string().is_empty()));
        prop_assert!(decision.reasons.len() >= 2);
    }
}
