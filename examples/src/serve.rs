//! The platform in the foreground.

use std::{io, time::Duration};

use anyhow::{Context as _, Result};
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Machine, assembly::Assembly, cli::Options, logging, manifest};

/// Runs until it is asked to end, then drains.
///
/// # Errors
/// One sentence for the user.
pub fn run<M: Machine>(machine: &M, options: &Options) -> Result<()> {
    logging::start(options.log);
    let manifests = manifest::read(&options.manifests)?;
    runtime()?.block_on(async {
        let mut asked = Asked::new()?;
        let assembly = Assembly::open(machine, options, manifests).await?;
        println!("{}", assembly.banner());
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let platform = assembly.run(shutdown.clone());
        let mut platform = tasks.spawn(platform);
        let ended = tokio::select! {
            biased;
            () = asked.heard() => {
                shutdown.cancel();
                platform.await
            }
            ended = &mut platform => ended,
        };
        ended.context("the platform broke")??;
        Ok(())
    })
}

/// How long a thread for blocking work waits for more. What comes every second would keep all of them, each with memory of
/// its own, with tokio's ten seconds.
const THREAD_KEEP_ALIVE: Duration = Duration::from_secs(2);

/// The runtime that a platform runs on.
///
/// # Errors
/// The system's.
pub fn runtime() -> Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_keep_alive(THREAD_KEEP_ALIVE)
        .build();
    runtime.context("cannot start worker threads")
}

/// Hears Ctrl-C and SIGTERM from the moment on that it is made.
#[derive(Debug)]
pub(crate) struct Asked {
    interrupt: Signal,
    terminate: Signal,
}

impl Asked {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits until the platform is asked to end.
    pub(crate) async fn heard(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
