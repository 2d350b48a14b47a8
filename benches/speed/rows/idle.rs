//! Memory of a platform that has nothing to do.

use knative_benches::{args::Effort, platform::Platform, process, table::Line};

use super::PROGRAM;

const BOUND: f64 = 40.0;

pub(crate) async fn run(_: Effort) -> anyhow::Result<Vec<Line>> {
    let (platform, _client) = Platform::start(PROGRAM, &[]).await?;
    let memory = process::idle_memory(platform.pid()).await?;
    Ok(vec![Line::number("RSS", memory, " MB", BOUND, true)])
}
