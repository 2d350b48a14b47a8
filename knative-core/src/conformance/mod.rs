//! Kits that tell whether a backend keeps its promises: one named case per behaviour, for implementors of
//! [`Store`](crate::store::Store) and of runtimes, here and elsewhere.
//!
//! An implementor writes a test target with `harness = false`, gives a kit its harness, and hands the trials to
//! [`libtest_mimic::run`].

pub mod runtime;
pub mod store;

use std::time::Duration;

use futures::{FutureExt as _, future::BoxFuture};
use libtest_mimic::Failed;

/// No case takes longer.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a case on a runtime of its own.
fn run(case: BoxFuture<'static, ()>) -> Result<(), Failed> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build()?;
    runtime.block_on(within(LIMIT, case.map(Ok)))
}

/// Fails a case that does not end.
async fn within(
    limit: Duration,
    case: impl Future<Output = Result<(), Failed>>,
) -> Result<(), Failed> {
    let ended = tokio::time::timeout(limit, case).await;
    ended.unwrap_or_else(|_| Err(format!("the case did not end within {limit:?}").into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_case_that_does_not_end_fails() {
        let failed = within(LIMIT, std::future::pending()).await.unwrap_err();
        assert_eq!(failed.message(), Some("the case did not end within 60s"));
    }
}
