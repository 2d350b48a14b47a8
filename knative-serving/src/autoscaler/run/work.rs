//! What takes time: it is waited for beside the loop.

use std::{sync::Arc, time::Duration};

use knative_core::runtime::{InstanceId, RuntimeError, Workload, WorkloadId, WorkloadRuntime};

use crate::gateway::{Retirement, RevisionKey};

/// The pause after a deletion that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// What came of it.
#[derive(Debug)]
pub(super) enum Done {
    /// The runtime knows the new scale.
    Told(RevisionKey, Result<(), RuntimeError>),
    /// Instances finished their requests.
    Drained(RevisionKey, Vec<InstanceId>),
    /// An instance is stopped for another one.
    Replaced,
    /// A workload is deleted.
    Ended(WorkloadId),
}

pub(super) async fn tell(
    key: RevisionKey,
    runtime: Arc<dyn WorkloadRuntime>,
    workload: Workload,
) -> Done {
    let result = runtime.apply(&workload).await;
    Done::Told(key, result)
}

pub(super) async fn drain(key: RevisionKey, retirement: Retirement) -> Done {
    Done::Drained(key, retirement.drained().await)
}

/// Stops an instance that takes no requests any more, though its workload needs as many.
pub(super) async fn replace(id: InstanceId, runtime: Arc<dyn WorkloadRuntime>) -> Done {
    // One that is gone meanwhile is what is wanted.
    if let Err(error) = runtime.evict(&id).await {
        tracing::debug!(%error, instance = %id, "instance not replaced");
    }
    Done::Replaced
}

/// Deletes a workload once its instances finished their requests.
pub(super) async fn end(
    retirement: Retirement,
    runtime: Arc<dyn WorkloadRuntime>,
    workload: WorkloadId,
) -> Done {
    retirement.drained().await;
    while let Err(error) = runtime.delete(&workload).await {
        tracing::warn!(%error, %workload, "workload not deleted");
        if !error.retry() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Done::Ended(workload)
}
