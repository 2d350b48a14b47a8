//! Memory of a platform whose services have nothing to do.

use knative_benches::{args::Effort, process, table::Line};

use super::POOL;
use crate::ground::Ground;

const SERVICES: usize = 200;
const BOUND: f64 = 80.0;

pub(crate) async fn run(_: Effort) -> anyhow::Result<Vec<Line>> {
    let ground = Ground::prepare(POOL, &[], SERVICES).await?;
    let memory = process::idle_memory(ground.at_zero.platform.pid()).await?;
    Ok(vec![Line::number("RSS", memory, " MB", BOUND, true)])
}
