//! What a controller is made of.

use std::{borrow::Cow, fmt, future::Future, sync::Arc, time::Duration};

use crate::store::{Cached, NamespacedName, StoreError};

/// One level-triggered pass over one object: compare what is wished with what is there, and do the next step.
pub trait Reconciler: Send + Sync + 'static {
    /// The kind that is reconciled.
    type Resource: Cached;
    /// Why a pass fails.
    type Error: ReconcileError;

    /// Brings the world closer to `object`. Called for every change of it or of what belongs to it, and after failures;
    /// never twice at a time for one object. A pass that is dropped is begun again later.
    fn reconcile(
        &self,
        object: Arc<Self::Resource>,
    ) -> impl Future<Output = Result<Action, Self::Error>> + Send;

    /// The object is gone: forgets what is kept of it in memory.
    fn forget(&self, name: &NamespacedName) {
        let _ = name;
    }
}

/// What is to happen after a pass that went well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Action {
    /// When to come back even if nothing changes.
    pub requeue_after: Option<Duration>,
    /// What was decided and why, for the log.
    pub explanation: Option<Cow<'static, str>>,
}

impl Action {
    /// Nothing until something changes.
    pub const fn done() -> Self {
        Self {
            requeue_after: None,
            explanation: None,
        }
    }

    /// Come back after a while.
    pub const fn requeue(after: Duration) -> Self {
        Self {
            requeue_after: Some(after),
            explanation: None,
        }
    }

    /// Says what was decided and why.
    #[must_use]
    pub fn because(mut self, explanation: impl Into<Cow<'static, str>>) -> Self {
        self.explanation = Some(explanation.into());
        self
    }
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disposition {
    /// Try again, ever later.
    Retry,
    /// Try again after this while.
    RequeueAfter(Duration),
    /// Nothing helps but a change of the object.
    Permanent,
}

/// Why a pass failed, and what to do about it.
pub trait ReconcileError:
    fmt::Display + fmt::Debug + std::error::Error + Send + Sync + 'static
{
    /// What to do about it.
    fn disposition(&self) -> Disposition {
        Disposition::Retry
    }

    /// The CamelCase word for events and conditions.
    fn reason(&self) -> Cow<'static, str> {
        Cow::Borrowed("InternalError")
    }

    /// Whether it is the usual race of optimistic writes, which is neither logged nor told as an event.
    fn is_race(&self) -> bool {
        false
    }
}

impl ReconcileError for StoreError {
    fn is_race(&self) -> bool {
        self.is_conflict()
    }
}
