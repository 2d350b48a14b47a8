//! Where the traffic of a Route goes: targets resolved to Revisions, their visibility and URLs, and rollouts.
//!
//! Nothing here reads a store or a clock: [`resolve`] asks a [`Lookup`] for what exists.

mod error;
mod resolve;
pub mod rollout;
mod status;
mod target;
mod visibility;

pub use self::error::TargetError;
pub use self::resolve::{Lookup, References, Resolution, Traffic, resolve};
pub use self::rollout::Rollout;
pub use self::status::{status_traffic, target_url};
pub use self::target::{Protocol, RevisionTarget};
pub use self::visibility::{Visibility, visibility};

/// The tag of the group that every target is in: the Route's own hosts.
pub const DEFAULT_TARGET: &str = "";
