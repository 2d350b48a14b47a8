//! Why a call of a [`Store`](super::Store) failed.

use std::error::Error as StdError;

use thiserror::Error;

use crate::{
    Kind,
    object::{GroupKind, ObjectKey},
};

/// One finding about a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The machine's word, as `FieldValueInvalid`.
    pub reason: String,
    /// The sentence, as `Invalid value: "string": ...`.
    pub message: String,
    /// The field's path.
    pub field: String,
}

/// Why a call failed. The variants are the reasons of Kubernetes' `Status`, because every front door answers with one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such object.
    #[error("{key} not found")]
    NotFound {
        /// What was asked for.
        key: ObjectKey,
    },
    /// There is no such kind.
    #[error("kind {kind} is not served")]
    UnknownKind {
        /// What was asked for.
        kind: GroupKind,
    },
    /// An object of that name exists.
    #[error("{key} already exists")]
    AlreadyExists {
        /// Its name.
        key: ObjectKey,
    },
    /// The object changed since it was read, or a precondition does not hold.
    #[error("the write to {key} conflicts: {message}")]
    Conflict {
        /// Its name.
        key: ObjectKey,
        /// What does not hold.
        message: String,
    },
    /// The object is not of its kind's shape.
    #[error("{key} is invalid: {}", join(causes))]
    Invalid {
        /// Its name.
        key: ObjectKey,
        /// Every finding.
        causes: Vec<Cause>,
    },
    /// Admission refuses the write.
    #[error("{message}")]
    Denied {
        /// Why, as upstream's webhooks say it.
        message: String,
        /// What the writer should know besides, one sentence each.
        warnings: Vec<String>,
    },
    /// The request makes no sense.
    #[error("{message}")]
    BadRequest {
        /// What is wrong with it.
        message: String,
    },
    /// The user may not do this.
    #[error("{message}")]
    Forbidden {
        /// What and why.
        message: String,
    },
    /// The kind does not offer the operation.
    #[error("{message}")]
    NotAllowed {
        /// What and why.
        message: String,
    },
    /// History no longer reaches back so far: list again.
    #[error("{message}")]
    Expired {
        /// Which version, and the oldest one.
        message: String,
    },
    /// The version asked for has not been reached.
    #[error("too large resource version: {wanted}, current: {current}")]
    TooLargeResourceVersion {
        /// The version asked for.
        wanted: String,
        /// The newest one.
        current: String,
    },
    /// An object cannot be read as the Rust type of its kind, or not be written as JSON.
    #[error("the object is not a {kind}")]
    Malformed {
        /// The kind.
        kind: GroupKind,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The backend cannot answer now; asking again may help.
    #[error("the store is unavailable: {message}")]
    Unavailable {
        /// What fails.
        message: String,
        /// The cause.
        #[source]
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
}

impl StoreError {
    /// The usual conflict: the object was read before its last change.
    pub fn modified(key: ObjectKey) -> Self {
        Self::Conflict {
            key,
            message: "the object has been modified; please apply your changes to the latest version and try again"
                .to_owned(),
        }
    }

    /// A malformed request.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::BadRequest {
            message: message.into(),
        }
    }

    /// Whether there is no such object.
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether the object changed since it was read.
    pub const fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }

    /// Whether an object of that name exists.
    pub const fn is_already_exists(&self) -> bool {
        matches!(self, Self::AlreadyExists { .. })
    }
}

/// Kubernetes' refusal of new objects in a namespace that is being deleted.
pub(crate) fn namespace_ends(kind: &Kind, key: &ObjectKey) -> StoreError {
    StoreError::Forbidden {
        message: format!(
            "{} \"{}\" is forbidden: unable to create new content in namespace {} because it is being terminated",
            kind.resource(),
            key.name,
            key.namespace
        ),
    }
}

fn join(causes: &[Cause]) -> String {
    let texts: Vec<String> = causes
        .iter()
        .map(|cause| format!("{}: {}", cause.field, cause.message))
        .collect();
    texts.join(", ")
}
