//! How many revisions wake from zero per second, each by its first request.

use std::time::Duration;

use anyhow::ensure;
use knative_benches::{
    args::Effort,
    load::{Outcome, Plan},
    measure::Millis,
    process,
    table::Line,
};

use crate::{
    child::Child,
    server::wakes::{HOSTS, START},
    task::Task,
};

/// What is asked of it per second, with some room above the bound.
const RATE: f64 = 2_200.0;
const LEAST_RATE: f64 = 2_000.0;
/// Enough for requests to be sent at their time although each waits for a start.
const CONNECTIONS: usize = 512;
/// What a wake may take above the start of the instance.
const OVERHEAD: Duration = Duration::from_millis(5);

pub(crate) async fn run(effort: Effort) -> anyhow::Result<Vec<Line>> {
    let revisions = effort.pick(20_000, 4_000);
    let (server, address) = Child::serve(&Task::Wakes { revisions })?;
    let plan = Plan {
        address,
        host: HOSTS.to_owned(),
        requests: revisions,
        connections: CONNECTIONS,
        rate: Some(RATE),
    };
    process::rest(server.pid()).await?;
    let before = process::cpu(server.pid())?;
    let outcome: Outcome = Child::ask(Task::Load(plan)).await?;
    let cpu = process::cpu(server.pid())?.saturating_sub(before);
    ensure!(
        outcome.failed > 0 || outcome.latency.p50 >= START,
        "answered before an instance can have started"
    );
    let mut lines = vec![
        Line::number("wakes per second", outcome.rate(), "/s", LEAST_RATE, false),
        Line::above("p99", outcome.latency.p99, START, OVERHEAD),
        Line::note("p50", Millis(outcome.latency.p50).to_string()),
        Line::note("CPU", format!("{:.2} s", cpu.as_secs_f64())),
        Line::failed(outcome.failed),
    ];
    lines.extend(
        outcome
            .error
            .map(|error| Line::note("first failure", error)),
    );
    Ok(lines)
}
