//! The platform in the foreground.

use std::io;

use anyhow::{Context as _, Result};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{cli::Options, local::Local, logging, manifest};

/// Runs until it is asked to end, then drains.
pub(crate) fn run(options: &Options) -> Result<()> {
    logging::start(options.log);
    let manifests = manifest::read(&options.manifests)?;
    runtime()?.block_on(async {
        let local = Local::open(options, manifests).await?;
        println!("{}", local.banner());
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let platform = local.run(shutdown.clone());
        let mut platform = tasks.spawn(platform);
        let ended = tokio::select! {
            biased;
            asked = asked_to_end() => {
                asked?;
                shutdown.cancel();
                platform.await
            }
            ended = &mut platform => ended,
        };
        ended.context("the platform broke")??;
        Ok(())
    })
}

/// The runtime that a platform runs on.
pub(crate) fn runtime() -> Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime.context("cannot start worker threads")
}

/// Waits for Ctrl-C or SIGTERM.
pub(crate) async fn asked_to_end() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        biased;
        asked = tokio::signal::ctrl_c() => asked,
        _ = terminate.recv() => Ok(()),
    }
}
