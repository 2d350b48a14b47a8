//! Memory of a platform that has nothing to do.

use std::time::Duration;

use crate::{args::Effort, platform::Platform, process, table::Line};

const REST: Duration = Duration::from_secs(10);
const BOUND: f64 = 40.0;

pub(crate) async fn run(_: Effort) -> anyhow::Result<Vec<Line>> {
    let (platform, _client) = Platform::start().await?;
    // Part of what is measured: memory after so long.
    tokio::time::sleep(REST).await;
    let memory = process::memory(platform.pid())?;
    Ok(vec![Line::number("RSS", memory, " MB", BOUND, true)])
}
