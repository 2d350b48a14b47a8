//! What all handles and requests of one gateway share.

use std::sync::Arc;

use arc_swap::ArcSwap;
use knative_core::{Ids, http::Dial};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{RoutingTable, demand::Demand, metrics::Metrics, mount::Mounts, registry::Registry};

/// What requests tell.
#[derive(Debug, Default)]
pub(super) struct Signals {
    pub(super) demand: Demand,
    pub(super) metrics: Metrics,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) table: ArcSwap<RoutingTable>,
    pub(super) mounts: Arc<Mounts>,
    pub(super) registry: Registry,
    pub(super) signals: Arc<Signals>,
    pub(super) ids: Arc<Ids>,
    pub(super) dial: Arc<dyn Dial>,
    /// Upgraded connections and connections that several requests share.
    pub(super) tasks: TaskTracker,
    /// Ends upgraded connections, which know no end of their own.
    pub(super) ending: CancellationToken,
}
