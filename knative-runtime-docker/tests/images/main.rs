//! Images of a real engine and real registries: `KNATIVE_TEST_DOCKER=unix:///var/run/docker.sock cargo test -p
//! knative-runtime-docker --test images`.
//!
//! Without an engine or without Debian's `docker-registry` the tests are ignored, and a line says why.

#![expect(
    clippy::print_stderr,
    reason = "that tests are ignored must be seen by whoever runs them"
)]

mod bed;
mod import;
mod layout;
mod pull;
mod registry;
mod resolve;

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures::{FutureExt as _, future::LocalBoxFuture};
use libtest_mimic::{Arguments, Trial};

use self::{
    bed::{Bed, Registries},
    registry::Registry,
};

/// The engine to test with.
const ENGINE: &str = "KNATIVE_TEST_DOCKER";

/// A test's name and its body.
type Case = (&'static str, Body);
type Body = for<'a> fn(&'a Bed) -> LocalBoxFuture<'a, ()>;

/// Names cases by their functions.
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        pub(crate) const CASES: &[crate::Case] = &[
            $((stringify!($case), |bed| Box::pin($case(bed)))),*
        ];
    };
}
pub(crate) use cases;

fn main() {
    let args = Arguments::from_args();
    let cases = [resolve::CASES, pull::CASES, import::CASES].concat();
    let ready = engine();
    if let Err(reason) = &ready {
        eprintln!("{} tests of images are ignored: {reason}", cases.len());
    }
    // A list shows them as they would run, and needs none.
    let registries = (ready.is_ok() && !args.list).then(|| {
        Arc::new(Registries {
            open: Registry::open(),
            closed: Registry::closed(),
        })
    });
    let host = ready.unwrap_or_default();
    let trials = cases
        .into_iter()
        .map(|case| trial(case, &host, registries.clone()));
    let conclusion = libtest_mimic::run(&args, trials.collect());
    // Leaving the process would leave them running.
    drop(registries);
    conclusion.exit();
}

/// The engine's address, or why there is nothing to test with.
fn engine() -> Result<String, String> {
    let host = std::env::var(ENGINE);
    let host = host.map_err(|_| format!("{ENGINE} names no engine"))?;
    Registry::obstacle().map_or(Ok(host), Err)
}

fn trial((name, case): Case, host: &str, registries: Option<Arc<Registries>>) -> Trial {
    let (ignored, host) = (registries.is_none(), host.to_owned());
    let run = move || {
        let registries = registries.ok_or("there is no registry")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(run(case, &host, registries));
        Ok(())
    };
    Trial::test(name, run).with_ignored_flag(ignored)
}

/// Runs a case and removes what it made, however it ended.
async fn run(case: Body, host: &str, registries: Arc<Registries>) {
    let bed = Bed::new(host, registries).await;
    let result = AssertUnwindSafe(case(&bed)).catch_unwind().await;
    bed.clean().await;
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}
