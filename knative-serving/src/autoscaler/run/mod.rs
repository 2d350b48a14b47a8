//! The scaler: load in, instances out.
//!
//! One loop for all revisions. It hears of waiting requests from the gateway and of instances from the runtime, both through
//! memory, so a start from zero waits for no store and no API server. A revision at rest costs no tick, no timer and no
//! task; one with instances is measured every second and decided upon every two, as Knative does.

mod fleet;
mod handle;
mod load;
mod stage;
mod state;
mod target;
mod unit;
mod work;

use std::sync::Arc;

use async_trait::async_trait;
use knative_core::{
    Clock,
    platform::{Component, ComponentError, Context},
    runtime::WorkloadRuntime,
};
use tokio_util::sync::CancellationToken;

use self::state::State;
use crate::gateway::GatewayHandle;

pub use self::{
    handle::ScalerHandle,
    target::{ScaleStatus, ScaleTarget},
};

/// Scales revisions by their load. A [`Component`]; reconcilers hold a [`ScalerHandle`].
#[derive(Debug)]
pub struct Scaler {
    gateway: GatewayHandle,
    runtime: Arc<dyn WorkloadRuntime>,
    handle: ScalerHandle,
}

impl Scaler {
    /// A scaler of what `gateway` serves, over `runtime`. It tells the gateway what the runtime observes.
    pub fn new(gateway: GatewayHandle, runtime: Arc<dyn WorkloadRuntime>) -> Self {
        Self {
            gateway,
            runtime,
            handle: ScalerHandle::default(),
        }
    }

    /// What reconcilers hold.
    pub fn handle(&self) -> ScalerHandle {
        self.handle.clone()
    }

    /// Scales until `shutdown`. Instances then go on as they are.
    pub async fn scale(&self, clock: Arc<dyn Clock>, shutdown: CancellationToken) {
        let (gateway, runtime) = (self.gateway.clone(), Arc::clone(&self.runtime));
        let mut state = State::new(gateway, runtime, self.handle.clone(), clock);
        shutdown.run_until_cancelled(state.run()).await;
    }
}

#[async_trait]
impl Component for Scaler {
    fn name(&self) -> &'static str {
        "scaler"
    }

    async fn run(
        self: Arc<Self>,
        context: Context,
        shutdown: CancellationToken,
    ) -> Result<(), ComponentError> {
        self.scale(Arc::clone(&context.clock), shutdown).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
