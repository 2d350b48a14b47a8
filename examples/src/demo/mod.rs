//! The command `demo`: the tour by itself.

mod chart;
mod client;
mod load;
mod objects;
mod report;
mod tour;

use anyhow::{Context as _, Result, bail};
use knative_core::platform::PlatformError;
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{report::Report, tour::Tour};
use crate::{
    Machine,
    assembly::Assembly,
    cli::Options,
    logging, manifest,
    serve::{self, Asked},
};

/// Runs a platform of its own, shows what it does, and prints what was measured.
///
/// # Errors
/// One sentence for the user.
pub fn run<M: Machine>(machine: &M, options: &Options) -> Result<()> {
    logging::start(options.log);
    let scratch = tempfile::tempdir().context("cannot make a temporary directory")?;
    let options = options.or_temporary(scratch.path());
    let manifests = manifest::read(&options.manifests)?;
    let report = serve::runtime()?.block_on(async {
        let asked = Asked::new()?;
        let assembly = Assembly::open(machine, &options, manifests).await?;
        println!(
            "A platform of its own: services at {}",
            assembly.gateway_address()
        );
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let tour = Tour::new(&assembly, tasks.clone());
        let platform = tasks.spawn(assembly.run(shutdown.clone()));
        let report = guided(tour, asked, &shutdown).await;
        shutdown.cancel();
        tasks.close();
        ended(platform).await?;
        report
    })?;
    report.print();
    if report.failed() > 0 {
        bail!("{} requests failed", report.failed());
    }
    Ok(())
}

/// The tour, until Ctrl-C.
async fn guided(tour: Tour, mut asked: Asked, shutdown: &CancellationToken) -> Result<Report> {
    tokio::select! {
        biased;
        () = asked.heard() => {
            shutdown.cancel();
            bail!("interrupted")
        }
        report = tour.run() => report,
    }
}

async fn ended(platform: JoinHandle<Result<(), PlatformError>>) -> Result<()> {
    platform.await.context("the platform broke")??;
    Ok(())
}
