//! The `ServerlessService`: where requests go, and what its status tells.

use knative_core::{Condition, Conditioned};

use super::reason::ScaleReason;
use super::status::StatusPlan;
use crate::api::networking::ServerlessService;
use crate::api::networking::serverless_service::{MODE_PROXY, MODE_SERVE};

/// Where requests of the revision go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SksMode {
    /// To its instances.
    Serve,
    /// To the activators, which buffer them.
    Proxy,
}

impl SksMode {
    /// The text on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Serve => MODE_SERVE,
            Self::Proxy => MODE_PROXY,
        }
    }
}

/// Wanted spec of the `ServerlessService`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SksPlan {
    /// Where requests go.
    pub mode: SksMode,
    /// How many activators stand behind the revision, at least two.
    pub num_activators: i32,
}

impl SksPlan {
    /// Whether the object has this mode and number already.
    pub fn is_met_by(&self, sks: &ServerlessService) -> bool {
        sks.spec.mode == self.mode.as_str() && sks.spec.num_activators == self.num_activators
    }
}

/// Requests go directly to instances only if there are to be some, with capacity to spare.
pub(super) fn mode(want: Option<i32>, excess: i32, reasons: &mut Vec<ScaleReason>) -> SksMode {
    if excess < 0 {
        reasons.push(ScaleReason::BurstCapacity { excess });
        return SksMode::Proxy;
    }
    match want {
        Some(want) if want > 0 => SksMode::Serve,
        _ => SksMode::Proxy,
    }
}

pub(super) fn observe(sks: &ServerlessService, status: &mut StatusPlan) {
    let observed = sks.status.as_ref();
    status.service_name = Some(
        observed
            .map(|status| status.service_name.clone())
            .unwrap_or_default(),
    );
    let message = || {
        observed
            .and_then(Conditioned::top_level)
            .map(|ready: &Condition| ready.message.clone())
    };
    status.sks = Some(if sks.is_ready() {
        Ok(())
    } else {
        Err(message().unwrap_or_default())
    });
}

pub(super) fn private_name(sks: &ServerlessService) -> &str {
    sks.status
        .as_ref()
        .map_or("", |status| &status.private_service_name)
}
