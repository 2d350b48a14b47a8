//! What every runtime does.

use std::{collections::BTreeSet, time::Duration};

use futures::{FutureExt, StreamExt, future::join_all};
use libtest_mimic::Failed;

use super::{Case, Role, Run, ensure, with_env};
use crate::runtime::{InstanceId, InstanceState, Observation, WorkloadId};

/// How many workloads start at once in the storm.
const STORM: usize = 25;

pub(super) fn all() -> Vec<(&'static str, Run)> {
    vec![
        ("start_answers_requests", |case| {
            start_answers_requests(case).boxed()
        }),
        ("start_reports_its_phases", |case| {
            start_reports_its_phases(case).boxed()
        }),
        ("apply_is_idempotent", |case| {
            apply_is_idempotent(case).boxed()
        }),
        ("scale_down_stops_only_what_is_named", |case| {
            scale_down(case).boxed()
        }),
        ("stop_is_idempotent", |case| {
            stop_is_idempotent(case).boxed()
        }),
        ("stop_during_start_leaves_nothing", |case| {
            stop_during_start(case).boxed()
        }),
        ("start_storm_all_ready", |case| start_storm(case).boxed()),
        (
            "request_in_flight_is_answered_within_the_grace_period",
            |case| in_flight(case).boxed(),
        ),
        ("evicted_instance_is_replaced", |case| evict(case).boxed()),
        ("watch_tells_the_current_state_first", |case| {
            watch(case).boxed()
        }),
        ("unknown_image_is_reported_and_others_run_on", |case| {
            unknown_image(case).boxed()
        }),
        ("nothing_left_after_many_lives", |case| {
            many_lives(case).boxed()
        }),
    ]
}

async fn start_answers_requests(case: &mut Case<'_>) -> Result<(), Failed> {
    let workload = case.workload("hello", Role::Hello, 1);
    case.apply(&workload).await?;
    let ready = case.until_ready(&workload, 1).await?;
    let body = case.get(&ready[0], "/").await?;
    ensure(body == "Hello World!\n", || {
        format!("the answer was {body:?}")
    })
}

async fn start_reports_its_phases(case: &mut Case<'_>) -> Result<(), Failed> {
    let workload = case.workload("slow", Role::Slow, 1);
    case.apply(&workload).await?;
    let ready = case.until_ready(&workload, 1).await?;
    let total = ready[0].phases.total();
    ensure(total >= Duration::from_millis(500), || {
        format!("a start of 500 ms is reported as {total:?}")
    })
}

pub(super) async fn environment(case: &mut Case<'_>) -> Result<(), Failed> {
    let workload = case.workload_with(
        "env",
        Role::Hello,
        1,
        with_env("TARGET", "$(K_REVISION) of $$(kit)"),
    );
    case.apply(&workload).await?;
    let ready = case.until_ready(&workload, 1).await?;
    let body = case.get(&ready[0], "/").await?;
    ensure(body == "Hello $(K_REVISION) of $(kit)!\n", || {
        format!("the answer was {body:?}")
    })
}

async fn apply_is_idempotent(case: &mut Case<'_>) -> Result<(), Failed> {
    let workload = case.workload("again", Role::Hello, 2);
    for _ in 0..5 {
        case.apply(&workload).await?;
    }
    let first = ids(&case.until_ready(&workload, 2).await?);
    case.apply(&workload).await?;
    let second = ids(&case.until_ready(&workload, 2).await?);
    ensure(first == second, || format!("{first:?} became {second:?}"))
}

async fn scale_down(case: &mut Case<'_>) -> Result<(), Failed> {
    let mut workload = case.workload("down", Role::Hello, 3);
    case.apply(&workload).await?;
    let three = case.until_ready(&workload, 3).await?;
    workload.replicas = 1;
    case.apply(&workload).await?;
    let unnamed = case.instances(&workload).await?;
    ensure(
        unnamed
            .iter()
            .filter(|instance| instance.state.is_ready())
            .count()
            == 3,
        || format!("a healthy instance was stopped unnamed: {unnamed:?}"),
    )?;
    workload.retire = vec![three[0].id.clone(), three[1].id.clone()];
    case.apply(&workload).await?;
    let one = case.until_ready(&workload, 1).await?;
    ensure(one[0].id == three[2].id, || {
        format!("{} is left instead of {}", one[0].id, three[2].id)
    })
}

async fn stop_is_idempotent(case: &mut Case<'_>) -> Result<(), Failed> {
    let workload = case.workload("twice", Role::Hello, 1);
    case.apply(&workload).await?;
    case.until_ready(&workload, 1).await?;
    for _ in 0..3 {
        case.runtime().delete(&workload.id).await?;
    }
    case.until_gone(&workload).await?;
    case.runtime()
        .delete(&WorkloadId::new("default", "never-was"))
        .await?;
    Ok(())
}

async fn stop_during_start(case: &mut Case<'_>) -> Result<(), Failed> {
    let mut workload = case.workload("early", Role::Slow, 3);
    case.apply(&workload).await?;
    case.until(&workload, "3 that start", |now| now.len() == 3)
        .await?;
    workload.replicas = 0;
    case.apply(&workload).await?;
    case.until_gone(&workload).await
}

async fn start_storm(case: &mut Case<'_>) -> Result<(), Failed> {
    let workloads: Vec<_> = (0..STORM)
        .map(|index| case.workload(&format!("storm-{index}"), Role::Hello, 1))
        .collect();
    let applied = join_all(workloads.iter().map(|workload| case.apply(workload))).await;
    applied.into_iter().collect::<Result<Vec<()>, _>>()?;
    for workload in &workloads {
        let ready = case.until_ready(workload, 1).await?;
        case.get(&ready[0], "/").await?;
    }
    Ok(())
}

async fn in_flight(case: &mut Case<'_>) -> Result<(), Failed> {
    let mut workload = case.workload_with("drain", Role::IgnoresSigterm, 1, |spec| {
        spec.termination_grace_period_seconds = Some(2);
    });
    case.apply(&workload).await?;
    let ready = case.until_ready(&workload, 1).await?;
    workload.replicas = 0;
    workload.retire = vec![ready[0].id.clone()];
    let (answer, ()) = futures::try_join!(case.get(&ready[0], "/?sleep=500"), async {
        // The request is on its way before the end is asked for.
        tokio::time::sleep(Duration::from_millis(100)).await;
        case.apply(&workload).await
    })?;
    case.until_gone(&workload).await?;
    ensure(answer == "Hello World!\n", || {
        format!("the answer was {answer:?}")
    })
}

async fn evict(case: &mut Case<'_>) -> Result<(), Failed> {
    let workload = case.workload("evict", Role::Hello, 1);
    case.apply(&workload).await?;
    let first = case.until_ready(&workload, 1).await?;
    case.runtime().evict(&first[0].id).await?;
    let evicted = first[0].id.clone();
    case.until(&workload, "another one", |now| {
        now.len() == 1 && now[0].id != evicted && now[0].state.is_ready()
    })
    .await
    .map(drop)
}

async fn watch(case: &mut Case<'_>) -> Result<(), Failed> {
    let workload = case.workload("watch", Role::Hello, 2);
    case.apply(&workload).await?;
    let ready = ids(&case.until_ready(&workload, 2).await?);
    let mut told = BTreeSet::new();
    let mut observations = case.runtime().watch();
    while let Some(observation) = observations.next().await {
        match observation {
            Observation::Instance(instance) => {
                told.insert(instance.id.clone());
            }
            Observation::Synced => break,
            Observation::Gone { .. } => {}
        }
    }
    ensure(told == ready, || format!("{told:?} was told of {ready:?}"))
}

async fn unknown_image(case: &mut Case<'_>) -> Result<(), Failed> {
    let unknown = case.workload_with("unknown", Role::Hello, 1, |spec| {
        spec.containers[0].image = Some("example.local/no-such-image".to_owned());
    });
    let good = case.workload("good", Role::Hello, 1);
    case.apply(&unknown).await?;
    case.apply(&good).await?;
    case.until_ready(&good, 1).await?;
    let failed = case
        .until(&unknown, "a failure", |now| {
            now.iter()
                .any(|instance| matches!(instance.state, InstanceState::BackingOff { .. }))
        })
        .await?;
    let InstanceState::BackingOff { error, .. } = &failed[0].state else {
        return Err("it is not backing off".into());
    };
    ensure(error.reason() == "ImagePullBackOff", || {
        format!("the reason is {}", error.reason())
    })
}

async fn many_lives(case: &mut Case<'_>) -> Result<(), Failed> {
    for cycle in 0..case.harness.cycles() {
        let workload = case.workload(&format!("life-{cycle}"), Role::Hello, 1);
        case.apply(&workload).await?;
        case.until_ready(&workload, 1).await?;
        case.runtime().delete(&workload.id).await?;
        case.until_gone(&workload).await?;
    }
    let left = case.world.leftovers().await;
    ensure(left.is_empty(), || format!("left behind: {left:?}"))
}

fn ids(instances: &[std::sync::Arc<crate::runtime::Instance>]) -> BTreeSet<InstanceId> {
    instances
        .iter()
        .map(|instance| instance.id.clone())
        .collect()
}
