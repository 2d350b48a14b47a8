//! What an earlier run of the platform left running for nobody.

use std::sync::Arc;

use async_trait::async_trait;
use knative_core::{
    platform::{Component, ComponentError, Context},
    runtime::Replicas,
};
use tokio_util::sync::CancellationToken;

use super::Serving;

/// Stops what [`Replicas::adopt`] found, and no revision claims.
#[derive(Debug)]
pub(super) struct Reaper {
    pub(super) serving: Serving,
    pub(super) replicas: Arc<Replicas>,
}

#[async_trait]
impl Component for Reaper {
    fn name(&self) -> &'static str {
        "reaper"
    }

    async fn run(
        self: Arc<Self>,
        _: Context,
        shutdown: CancellationToken,
    ) -> Result<(), ComponentError> {
        let reaping = async {
            self.serving.handed_over().await;
            let workloads = &self.serving.workloads;
            let known = |id: &_| workloads.revision_of(id).is_some();
            self.replicas.reap(known).await
        };
        match shutdown.run_until_cancelled(reaping).await {
            Some(Ok(count)) if count > 0 => {
                tracing::info!(count, "instances of an earlier run belonged to nobody");
            }
            // The end of the platform tries once more.
            Some(Err(error)) => {
                tracing::warn!(%error, "instances of an earlier run, which belong to nobody, could not be stopped");
            }
            _ => {}
        }
        Ok(())
    }
}
