//! Why a pass failed.

use std::borrow::Cow;
use std::time::Duration;

use knative_core::controller::{Disposition, ReconcileError};
use knative_core::store::StoreError;
use thiserror::Error;

use crate::config::HostError;
use crate::reconcile::route::plan::PlanError;

/// Why a pass over an object failed; the text becomes an event, in Knative's words.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Failure {
    /// The store refused a call.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A step of the pass could not be done.
    #[error("{what}: {source}")]
    Step {
        /// Which one, as `failed to create Revision`.
        what: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// Hosts cannot be named.
    #[error(transparent)]
    Host(#[from] HostError),
    /// An object of a Route cannot be made.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// It is worth another try after a while.
    #[error("{message}")]
    Later {
        /// What failed.
        message: String,
        /// The while.
        retry: Duration,
    },
    /// The object cannot become what it should be until somebody changes something.
    #[error("{0}")]
    Blocked(String),
}

impl Failure {
    /// Wraps a refusal of the store.
    pub(crate) fn step(what: impl Into<String>) -> impl FnOnce(StoreError) -> Self {
        let what = what.into();
        move |source| Self::Step { what, source }
    }

    /// There is an object of that name that belongs to somebody else.
    pub(crate) fn not_owned(owner: (&str, &str), existing: (&str, &str)) -> Self {
        let quote = knative_core::object::quote;
        Self::Blocked(format!(
            "{}: {} does not own {}: {}",
            owner.0,
            quote(owner.1),
            existing.0,
            quote(existing.1)
        ))
    }
}

impl ReconcileError for Failure {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Later { retry, .. } => Disposition::RequeueAfter(*retry),
            _ => Disposition::Retry,
        }
    }

    fn reason(&self) -> Cow<'static, str> {
        Cow::Borrowed("InternalError")
    }

    fn is_race(&self) -> bool {
        match self {
            Self::Store(error) | Self::Step { source: error, .. } => {
                error.is_conflict() || matches!(error, StoreError::NotFound { .. })
            }
            _ => false,
        }
    }
}
