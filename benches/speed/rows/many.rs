//! Many services at once, and what one more costs then.

use std::{path::Path, time::Duration};

use knative_benches::{
    args::Effort,
    client::{Services, Wanted},
    platform::{Platform, connect},
    process,
    table::Line,
};
use tempfile::TempDir;
use tokio::time::Instant;

use super::{PROGRAM, cold::FUNCTION, create::one_by_one};
use crate::{child::Child, server::platform::IMAGE, task::Task};

const ALL_READY: Duration = Duration::from_secs(5);
const LATER: Duration = Duration::from_millis(120);

/// Instances of a fake runtime, with the journal.
pub(crate) async fn fakes(effort: Effort) -> anyhow::Result<Vec<Line>> {
    let data = TempDir::new()?;
    let mut server = Child::start(&Task::Platform {
        data: data.path().to_owned(),
    })?;
    let kubeconfig = server.line()?;
    let services = Services::new(connect(Path::new(kubeconfig.trim())).await?);
    measure(&services, &Wanted::new(IMAGE, &[]), server.pid(), effort).await
}

/// Functions, with the journal.
pub(crate) async fn functions(effort: Effort) -> anyhow::Result<Vec<Line>> {
    let (platform, client) = Platform::start(PROGRAM, &[]).await?;
    let services = Services::new(client);
    measure(
        &services,
        &Wanted::new(FUNCTION, &[]),
        platform.pid(),
        effort,
    )
    .await
}

async fn measure(
    services: &Services,
    wanted: &Wanted,
    pid: u32,
    effort: Effort,
) -> anyhow::Result<Vec<Line>> {
    let count = effort.pick(500, 100);
    let names: Vec<String> = (0..count).map(|number| format!("many-{number}")).collect();
    let before = process::memory(pid)?;
    let began = Instant::now();
    services.create_all(&names, wanted).await?;
    let all = began.elapsed();
    let after = process::memory(pid)?;
    let later = one_by_one(services, wanted, "later", effort.pick(100, 30)).await?;
    Ok(vec![
        Line::within(format!("all {count} ready"), all, ALL_READY),
        Line::within("a later create, p95", later.p95, LATER),
        Line::note("RSS", format!("{after:.1} MB, before {before:.1} MB")),
    ])
}
