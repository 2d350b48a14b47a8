//! One instance as the gateway uses it.

use std::sync::{Arc, atomic::AtomicBool};

use knative_core::{
    http::Endpoint,
    runtime::{Instance, InstanceId, StartPhases},
};
use tokio_util::sync::CancellationToken;

use super::pool::Pool;

/// A run of an instance, with the connections to it.
#[derive(Debug)]
pub(super) struct Member {
    instance: Arc<Instance>,
    pub(super) pool: Pool,
    /// Whether the last connection to it failed.
    pub(super) suspect: AtomicBool,
    /// Whether its start was counted as a wake.
    pub(super) counted: AtomicBool,
    drained: CancellationToken,
}

impl Member {
    pub(super) fn new(instance: Arc<Instance>) -> Self {
        Self {
            instance,
            pool: Pool::default(),
            suspect: AtomicBool::new(false),
            counted: AtomicBool::new(false),
            drained: CancellationToken::new(),
        }
    }

    pub(super) fn id(&self) -> &InstanceId {
        &self.instance.id
    }

    pub(super) fn is(&self, id: &InstanceId) -> bool {
        self.instance.id == *id
    }

    pub(super) fn phases(&self) -> &StartPhases {
        &self.instance.phases
    }

    pub(super) fn endpoint(&self) -> Option<&Endpoint> {
        self.instance.endpoint()
    }

    /// Whether it is a service in this process.
    pub(super) fn is_local(&self) -> bool {
        matches!(self.endpoint(), Some(Endpoint::Service(_)))
    }

    /// Whether `instance` is what this one is, and not its next run under the same id.
    pub(super) fn is_same_run(&self, instance: &Instance) -> bool {
        let same = match (self.endpoint(), instance.endpoint()) {
            (Some(Endpoint::Tcp(a)), Some(Endpoint::Tcp(b))) => a == b,
            (Some(Endpoint::Unix(a)), Some(Endpoint::Unix(b))) => a == b,
            (Some(Endpoint::Service(_)), Some(Endpoint::Service(_))) => true,
            _ => false,
        };
        same && self.instance.restarts == instance.restarts
    }

    /// It is out of routing and has no more requests; its connections close.
    pub(super) fn set_drained(&self) {
        self.pool.clear();
        self.drained.cancel();
    }

    pub(super) async fn drained(&self) {
        self.drained.cancelled().await;
    }
}
