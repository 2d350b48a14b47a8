//! Does the steps of a scenario and compares what comes of them.

use std::{sync::Arc, time::Duration};

use libtest_mimic::Failed;
use tokio::runtime::Builder;

use crate::{
    act::{act, call},
    client::Answer,
    compare::{self, Snapshots},
    scenario::{Scenario, Step},
    states::Vocabulary,
    until::{Until, pods},
    world::World,
};

/// How long nothing has to change before a snapshot is taken. The recordings say: 2 s or more.
const CALM: Duration = Duration::from_millis(2500);
/// How long that is waited for.
const CALM_LIMIT: Duration = Duration::from_secs(30);
/// How long a step's condition is waited for.
const UNTIL_LIMIT: Duration = Duration::from_secs(120);

/// Replays a scenario in virtual time.
pub(crate) fn replay(scenario: &Scenario, known: &Vocabulary) -> Result<(), Failed> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    let found = runtime.block_on(async {
        let world = World::start(scenario).await?;
        let found = steps(&world, scenario, known).await;
        world.stop().await?;
        found
    })?;
    if found.is_empty() {
        return Ok(());
    }
    Err(format!("{} differences\n  {}", found.len(), found.join("\n  ")).into())
}

async fn steps(
    world: &World,
    scenario: &Scenario,
    known: &Vocabulary,
) -> Result<Vec<String>, Failed> {
    let mut snapshots = Snapshots::default();
    let mut found = Vec::new();
    for (index, one) in scenario.steps.iter().enumerate() {
        let number = index + 1;
        let excepted = is_exception(&format!("behaviour/{}/step {number}", scenario.name));
        let mut here = step(world, one, excepted).await?;
        if let Some(recorded) = &one.snapshot {
            let want = snapshots.next(recorded);
            here.extend(
                world
                    .observer
                    .look(|seen| compare::snapshot(scenario, number, seen, want)),
            );
        }
        found.extend(here.iter().map(|text| format!("step {number}: {text}")));
    }
    found.extend(
        world
            .observer
            .look(|seen| compare::transitions(scenario, seen, known)),
    );
    found.extend(world.observer.look(|seen| compare::events(scenario, seen)));
    Ok(found)
}

/// Whether the list of deliberate deviations names the answer of a step.
fn is_exception(name: &str) -> bool {
    const LIST: &str = include_str!("../../vectors/EXCEPTIONS.md");
    LIST.lines()
        .filter_map(|line| line.strip_prefix("- `")?.split_once("`:"))
        .any(|(excepted, _)| excepted == name)
}

/// One step up to the moment of its snapshot.
async fn step(world: &World, step: &Step, excepted: bool) -> Result<Vec<String>, Failed> {
    let requests = world.tasks.spawn(call(world.clone(), step.action.clone()));
    let mut found = match act(world, &step.action).await? {
        Some(answer) if !excepted => check(world, step, &answer),
        _ => Vec::new(),
    };
    world.observer.expect_changes().await;
    if let Some(until) = &step.until {
        found.extend(wait(world, step, until).await?);
    }
    if !step.leaves_nothing() {
        world.observer.quiet(CALM, CALM_LIMIT).await;
    }
    let response = requests.await??;
    if let (Some(want), Some(got)) = (&step.response, &response)
        && want != got
    {
        found.push(format!("response\n    got:  {got}\n    want: {want}"));
    }
    Ok(found)
}

fn check(world: &World, step: &Step, answer: &Answer) -> Vec<String> {
    world
        .observer
        .look(|seen| compare::answer(step, answer, seen))
}

/// Waits for a condition; complains if that ends otherwise than recorded.
async fn wait(world: &World, step: &Step, until: &str) -> Result<Vec<String>, Failed> {
    let parsed = Until::parse(until)?;
    let met = world
        .observer
        .wait(UNTIL_LIMIT, async || {
            let pods = pods(Arc::as_ref(&world.workloads)).await;
            world.observer.look(|seen| parsed.holds(seen, &pods))
        })
        .await;
    let want = step.until_met.unwrap_or(true);
    Ok(if met == want {
        Vec::new()
    } else {
        vec![format!("{until}: {met}, want {want}")]
    })
}
