//! From a create to the event that says Ready.

use std::time::Duration;

use knative_benches::{
    args::Effort,
    client::{Services, Wanted},
    measure::{Latencies, Millis, Quantiles},
    platform::Platform,
    table::Line,
};
use tokio::time::Instant;

use super::{PROGRAM, cold::PROCESS};

/// Creates before anything counts: they open connections and read the image.
const FIRST: usize = 5;
const BOUND: Duration = Duration::from_millis(100);

pub(crate) async fn run(effort: Effort) -> anyhow::Result<Vec<Line>> {
    let (_platform, client) = Platform::start(PROGRAM, &[]).await?;
    let services = Services::new(client);
    let wanted = Wanted::new(PROCESS, &[]);
    one_by_one(&services, &wanted, "first", FIRST).await?;
    let latency = one_by_one(&services, &wanted, "create", effort.pick(200, 50)).await?;
    Ok(vec![
        Line::within("p95", latency.p95, BOUND),
        Line::note("p50", Millis(latency.p50).to_string()),
        Line::note("p99", Millis(latency.p99).to_string()),
    ])
}

/// Creates services one after the other, and deletes each when it was ready.
pub(super) async fn one_by_one(
    services: &Services,
    wanted: &Wanted,
    prefix: &str,
    count: usize,
) -> anyhow::Result<Quantiles> {
    let mut watch = services.watch().await?;
    let mut latencies = Latencies::new();
    for number in 0..count {
        let name = format!("{prefix}-{number}");
        let began = Instant::now();
        services.create(&name, wanted).await?;
        watch.ready(&name).await?;
        latencies.add(began.elapsed());
        services.delete(&name).await?;
    }
    Ok(latencies.quantiles())
}
