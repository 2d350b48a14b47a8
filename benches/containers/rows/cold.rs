//! From a request to its first answer, for services that have no instance.

use knative_benches::{args::Effort, table::Line};

use super::POOL;
use crate::{by_hand::Floor, ground::Ground};

/// A network is there before the request.
pub(crate) async fn pooled(effort: Effort) -> anyhow::Result<Vec<Line>> {
    let mut ground = Ground::prepare(POOL, &[], effort.pick(40, 10)).await?;
    let turns = ground.in_turns([Floor::Bridge, Floor::Joined]).await?;
    let answers = turns.answers.quantiles();
    let [bridge, joined] = turns.floors.map(|floor| floor.quantiles());
    Ok(vec![
        Line::times("p50, start on a bridge", answers.p50, bridge.p50, 0.4),
        Line::times("p50, start in a network", answers.p50, joined.p50, 1.25),
        Line::failed(turns.failed),
    ])
}

/// A network has to be made.
pub(crate) async fn empty_pool(effort: Effort) -> anyhow::Result<Vec<Line>> {
    let mut ground = Ground::prepare(0, &[], effort.pick(40, 10)).await?;
    let turns = ground.in_turns([Floor::Bridge]).await?;
    let answers = turns.answers.quantiles();
    let [bridge] = turns.floors.map(|floor| floor.quantiles());
    Ok(vec![
        Line::times("p50, start on a bridge", answers.p50, bridge.p50, 1.1),
        Line::failed(turns.failed),
    ])
}
