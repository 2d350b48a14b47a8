//! Where objects are kept.
//!
//! [`Store`] promises what the Kubernetes API can keep, because a cluster is one of its backends: opaque resource
//! versions, watches of one kind each, optimistic concurrency per object, no transactions across objects.

mod api;
mod cache;
pub mod codec;
mod error;
mod ext;
mod index;
mod journal;
mod memory;
mod options;
mod pace;
mod packed;
mod shared;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use futures::stream::BoxStream;

pub use api::{Api, ApiObject, TypedEvent, TypedList};
pub use cache::{Cache, Cached, Change, NamespacedName, decode};
pub(crate) use error::namespace_ends;
pub use error::{Cause, StoreError};
pub use ext::{Patch, StoreExt};
pub use journal::{JournalOptions, OpenError};
pub use memory::MemoryStore;
pub use options::{
    DeleteOptions, FieldValidation, ListOptions, Preconditions, Propagation, UserInfo,
    VersionMatch, WatchOptions, WatchStart, WriteOptions,
};

use crate::object::{GroupKind, Object, ObjectKey};

/// What a write left behind.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Written {
    /// The object as stored (or as it would be, in a dry run).
    pub object: Arc<Object>,
    /// What the writer should know, one sentence each.
    pub warnings: Vec<String>,
}

impl Written {
    /// A write without warnings.
    pub const fn new(object: Arc<Object>) -> Self {
        Self {
            object,
            warnings: Vec::new(),
        }
    }
}

/// What a deletion left behind.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Deleted {
    /// The object is gone; this was its last state.
    Gone(Arc<Object>),
    /// The object waits for its finalizers.
    Finalizing(Arc<Object>),
}

impl Deleted {
    /// The last known state.
    pub const fn object(&self) -> &Arc<Object> {
        match self {
            Self::Gone(object) | Self::Finalizing(object) => object,
        }
    }
}

/// A page of objects, in the order of namespace and name.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ObjectList {
    /// The objects.
    pub items: Vec<Arc<Object>>,
    /// The state that the list shows; a watch may start here.
    pub resource_version: String,
    /// Where the next page begins; `None` on the last one.
    pub continue_token: Option<String>,
    /// How many objects follow, where that is known (without selectors).
    pub remaining: Option<u64>,
}

/// One change of a watched kind.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WatchEvent {
    /// The object appeared, or began to match.
    Added(Arc<Object>),
    /// The object changed.
    Modified(Arc<Object>),
    /// The object is gone or no longer matches; its last state, with the resource version of the change.
    Deleted(Arc<Object>),
    /// All changes up to `resource_version` were sent.
    Bookmark {
        /// A watch may be resumed from here.
        resource_version: String,
        /// Whether this one ends the objects that existed when the watch began.
        initial_events_end: bool,
    },
}

/// A stream of changes. It ends after its first error.
pub type WatchStream = BoxStream<'static, Result<WatchEvent, StoreError>>;

/// Keeps objects of any registered kind.
///
/// # Guarantees
/// - A read that begins after a write was answered sees that write.
/// - A write that changes nothing answers with the stored object, its `resourceVersion` unchanged, and causes no event.
/// - `generation` counts changes outside of `metadata` and `status`, and is raised when deletion begins.
/// - `update` leaves `status` alone and `update_status` everything else, where the kind has the subresource.
/// - Watches deliver every change of their kind after their start, in order; one that falls behind the history that is
///   kept ends with [`StoreError::Expired`].
/// - Every call may be cancelled at any await; a write is then either done or not begun.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// One object.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn get(&self, key: &ObjectKey) -> Result<Arc<Object>, StoreError>;

    /// The objects of a kind.
    ///
    /// # Errors
    /// [`StoreError::BadRequest`] for a bad selector or token, [`StoreError::Expired`] for an old token.
    async fn list(&self, kind: &GroupKind, options: &ListOptions)
    -> Result<ObjectList, StoreError>;

    /// Adds an object. Its `types` name the kind; `generateName` is honoured.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`], [`StoreError::Invalid`], or what admission denies.
    async fn create(&self, object: Object, options: &WriteOptions) -> Result<Written, StoreError>;

    /// Replaces an object but for its status. A `resourceVersion` in it must be the stored one.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Conflict`], [`StoreError::Invalid`], or what admission denies.
    async fn update(&self, object: Object, options: &WriteOptions) -> Result<Written, StoreError>;

    /// Replaces an object's status.
    ///
    /// # Errors
    /// As [`Store::update`].
    async fn update_status(
        &self,
        object: Object,
        options: &WriteOptions,
    ) -> Result<Written, StoreError>;

    /// Removes an object, or marks it for removal while it has finalizers.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Conflict`] if a precondition does not hold.
    async fn delete(&self, key: &ObjectKey, options: &DeleteOptions)
    -> Result<Deleted, StoreError>;

    /// The changes of a kind.
    ///
    /// # Errors
    /// [`StoreError::Expired`] if history no longer reaches back to the start asked for.
    async fn watch(
        &self,
        kind: &GroupKind,
        options: &WatchOptions,
    ) -> Result<WatchStream, StoreError>;
}
