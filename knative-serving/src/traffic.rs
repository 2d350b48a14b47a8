//! Where the traffic of a Route goes: targets resolved to Revisions, their hosts and visibility, and rollouts.
//!
//! Nothing here reads a store or a clock: [`resolve`] asks a [`Lookup`] for what exists.

mod domain;
mod error;
mod hosts;
mod resolve;
pub mod rollout;
mod status;
mod target;
mod visibility;

pub use self::domain::{DomainError, Naming};
pub use self::error::TargetError;
pub use self::hosts::{domain_name, expanded_hosts, host_name, is_cluster_local, local_host};
pub use self::resolve::{Lookup, References, Resolution, Traffic, resolve};
pub use self::rollout::Rollout;
pub use self::status::status_traffic;
pub use self::target::{Protocol, RevisionTarget};
pub use self::visibility::{Visibility, visibility};

/// The tag of the group that every target is in: the Route's own hosts.
pub const DEFAULT_TARGET: &str = "";
