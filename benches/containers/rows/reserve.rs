//! From a request to its first answer, for services that keep an instance in reserve.

use std::time::Duration;

use knative_benches::{args::Effort, table::Line};

use super::POOL;
use crate::{by_hand::Floor, ground::Ground};

const KIND: &str = "standby.knative.dev/kind";
/// What a wake may take longer than its floor.
const BOUND: Duration = Duration::from_millis(10);

/// It is made and not started.
pub(crate) async fn created(effort: Effort) -> anyhow::Result<Vec<Line>> {
    let mut ground = Ground::prepare(POOL, &[(KIND, "created")], effort.pick(40, 10)).await?;
    ground.reserve("created").await?;
    wake(&mut ground, Floor::Made).await
}

/// It ran before.
pub(crate) async fn paused(effort: Effort) -> anyhow::Result<Vec<Line>> {
    let mut ground = Ground::prepare(POOL, &[(KIND, "paused")], effort.pick(40, 10)).await?;
    ground.call_all().await?;
    ground.reserve("paused").await?;
    wake(&mut ground, Floor::Paused).await
}

async fn wake(ground: &mut Ground, floor: Floor) -> anyhow::Result<Vec<Line>> {
    let turns = ground.in_turns([floor]).await?;
    let answers = turns.answers.quantiles();
    let [floor] = turns.floors.map(|floor| floor.quantiles());
    Ok(vec![
        Line::above("p50", answers.p50, floor.p50, BOUND),
        Line::failed(turns.failed),
    ])
}
