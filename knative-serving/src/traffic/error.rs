//! Why a target cannot receive traffic.

use jiff::Timestamp;
use knative_core::object::quote;
use thiserror::Error;

use crate::api::RouteStatus;
use crate::api::route::lifecycle::revision_not_owned_message;

/// A target that cannot receive traffic.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// It does not exist.
    #[error("{kind} {} referenced in traffic not found", quote(name))]
    Missing {
        /// `Configuration` or `Revision`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A Configuration that has no ready Revision.
    #[error("Configuration {} not ready, isFailure={failed}", quote(name))]
    UnreadyConfiguration {
        /// Its name.
        name: String,
        /// Whether it failed, rather than not having come that far.
        failed: bool,
    },
    /// A Revision that is not ready.
    #[error("Revision {} not ready, isFailure={failed}", quote(name))]
    UnreadyRevision {
        /// Its name.
        name: String,
        /// Whether it failed, rather than not having come that far.
        failed: bool,
    },
    /// A Revision of another Service, or of none.
    #[error("{}", revision_not_owned_message(name, service, owner))]
    NotOwned {
        /// Its name.
        name: String,
        /// The Service of the Route.
        service: String,
        /// The Service of the Revision, or empty.
        owner: String,
    },
}

impl TargetError {
    /// Whether it stays so until somebody does something about it.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Missing { .. } | Self::NotOwned { .. } => true,
            Self::UnreadyConfiguration { failed, .. } | Self::UnreadyRevision { failed, .. } => {
                *failed
            }
        }
    }

    /// Says so in the conditions of the Route.
    pub fn mark(&self, status: &mut RouteStatus, now: Timestamp) {
        match self {
            Self::Missing { kind, name } => status.mark_missing_traffic_target(kind, name, now),
            Self::UnreadyConfiguration { name, failed: true } => {
                status.mark_configuration_failed(name, now);
            }
            Self::UnreadyConfiguration {
                name,
                failed: false,
            } => {
                status.mark_configuration_not_ready(name, now);
            }
            Self::UnreadyRevision { name, failed: true } => status.mark_revision_failed(name, now),
            Self::UnreadyRevision {
                name,
                failed: false,
            } => {
                status.mark_revision_not_ready(name, now);
            }
            Self::NotOwned {
                name,
                service,
                owner,
            } => {
                status.mark_revision_not_owned(name, service, owner, now);
            }
        }
    }
}
