//! How replicas are put together.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Replicas, Shared, metrics::Starts, reserve::Reserve};
use crate::{
    Clock, Ids,
    fanout::Fanout,
    http::Dial,
    runtime::{InstanceRuntime, Standby, probe::Prober},
    store::Store,
};

/// Assembles [`Replicas`].
#[derive(Debug)]
pub struct ReplicasBuilder {
    pub(super) backend: Arc<dyn InstanceRuntime>,
    pub(super) store: Option<Arc<dyn Store>>,
    pub(super) dial: Arc<dyn Dial>,
    pub(super) standby: Option<Standby>,
    pub(super) standby_memory: Option<u64>,
}

impl ReplicasBuilder {
    /// Where ConfigMaps and Secrets are read; without one, workloads that refer to them do not start.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// How probes connect. Default: the operating system's sockets.
    #[must_use]
    pub fn dial(mut self, dial: Arc<dyn Dial>) -> Self {
        self.dial = dial;
        self
    }

    /// What workloads keep in reserve whose template does not say. Default: nothing.
    #[must_use]
    pub const fn standby(mut self, standby: Standby) -> Self {
        self.standby = Some(standby);
        self
    }

    /// How many bytes of memory all paused instances may keep together; one that does not fit is stopped. Default: any.
    #[must_use]
    pub const fn standby_memory(mut self, bytes: u64) -> Self {
        self.standby_memory = Some(bytes);
        self
    }

    /// Begins to listen to the backend. Called within a tokio runtime.
    pub fn build(self, clock: Arc<dyn Clock>, ids: Arc<Ids>) -> Replicas {
        let shared = Arc::new(Shared {
            backend: self.backend,
            store: self.store,
            prober: Prober::new(self.dial),
            standby: self.standby,
            reserve: Reserve::new(self.standby_memory),
            clock,
            ids,
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
            detached: CancellationToken::new(),
            state: Mutex::default(),
            starts: Starts::default(),
            watchers: Fanout::default(),
        });
        let events = shared.backend.watch();
        shared.tasks.spawn(Arc::clone(&shared).dispatch(events));
        Replicas { shared }
    }
}
