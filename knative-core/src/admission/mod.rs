//! Defaulting, validation and immutability: one pipeline that every front door calls.

mod chain;
mod decode;
mod field_error;
mod go_type;
mod metadata;
mod pipeline;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

pub use chain::Chain;
pub use decode::decode;
pub use field_error::{FieldErrors, Level};
pub use pipeline::Admitted;

use crate::{
    object::Object,
    store::{StoreError, UserInfo},
};

/// What is asked of an object.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Operation {
    /// A new object.
    Create,
    /// Another state of a stored object.
    Update {
        /// What is stored.
        old: Arc<Object>,
        /// Whether the write goes to `/status`.
        status: bool,
    },
    /// A removal.
    Delete,
}

/// Who asks what.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AdmissionRequest<'a> {
    /// What is asked.
    pub operation: Operation,
    /// Who asks.
    pub user: &'a UserInfo,
    /// Whether the write is a trial that stores nothing.
    pub dry_run: bool,
}

impl<'a> AdmissionRequest<'a> {
    /// A request by `user`.
    pub const fn new(operation: Operation, user: &'a UserInfo) -> Self {
        Self {
            operation,
            user,
            dry_run: false,
        }
    }
}

/// A kind's own rules beyond its schema. Implementations are quick and ask nobody: they run on every write.
pub trait Admission: fmt::Debug + Send + Sync + 'static {
    /// Fills in what the writer left open. The default fills in nothing.
    ///
    /// # Errors
    /// The object cannot be read as its kind, or a default cannot be made.
    fn default(
        &self,
        request: &AdmissionRequest<'_>,
        object: &mut Object,
    ) -> Result<(), StoreError> {
        let _ = (request, object);
        Ok(())
    }

    /// Checks an object after defaulting and returns warnings for the writer.
    ///
    /// # Errors
    /// [`StoreError::Denied`] with every finding.
    fn validate(
        &self,
        request: &AdmissionRequest<'_>,
        object: &Object,
    ) -> Result<Vec<String>, StoreError>;
}
