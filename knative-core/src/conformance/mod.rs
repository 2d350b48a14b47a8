//! Kits that tell whether a backend keeps its promises: one named case per behaviour, for implementors of
//! [`Store`](crate::store::Store) and of runtimes, here and elsewhere.
//!
//! An implementor writes a test target with `harness = false`, gives a kit its harness, and hands the trials to
//! [`libtest_mimic::run`].

pub mod runtime;
pub mod store;

use std::time::Duration;

use futures::future::BoxFuture;
use libtest_mimic::Failed;

/// No case takes longer.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a case on a runtime of its own.
fn run(case: BoxFuture<'static, ()>) -> Result<(), Failed> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let ended = tokio::time::timeout(LIMIT, case).await;
        ended.map_err(|_| format!("the case did not end within {LIMIT:?}").into())
    })
}
