//! Conveniences over any store.

use json_patch::{PatchErrorKind, jsonptr};
use serde_json::Value;

use crate::object::{Object, ObjectExt as _, ObjectKey};

use super::{Cause, Store, StoreError, WriteOptions, Written, codec};

/// How often a patch is tried anew when the object changes meanwhile; Kubernetes' number.
const PATCH_TRIES: usize = 5;

/// A change of parts of an object.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Patch {
    /// RFC 6902: a list of operations.
    Json(json_patch::Patch),
    /// RFC 7386: a partial object, in which `null` removes.
    Merge(Value),
}

impl Patch {
    /// Reads a JSON patch.
    ///
    /// # Errors
    /// The value is no list of operations.
    pub fn json(operations: Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(operations).map(Self::Json)
    }

    fn apply(&self, key: &ObjectKey, document: &mut Value) -> Result<(), StoreError> {
        match self {
            Self::Merge(patch) => json_patch::merge(document, patch),
            Self::Json(patch) => {
                return json_patch::patch(document, patch).map_err(|error| refused(key, &error));
            }
        }
        Ok(())
    }
}

/// What every [`Store`] can do with what it must do.
pub trait StoreExt: Store {
    /// Changes parts of an object but for its status. Without a resource version in the patch it is tried anew on the
    /// changed object when somebody else writes at the same time.
    ///
    /// # Errors
    /// As [`Store::update`]; [`StoreError::Invalid`] if the patch does not fit the object.
    fn patch(
        &self,
        key: &ObjectKey,
        patch: &Patch,
        options: &WriteOptions,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send {
        patch_with(self, key, patch, options, false)
    }

    /// Changes parts of an object's status.
    ///
    /// # Errors
    /// As [`StoreExt::patch`].
    fn patch_status(
        &self,
        key: &ObjectKey,
        patch: &Patch,
        options: &WriteOptions,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send {
        patch_with(self, key, patch, options, true)
    }

    /// One object, or `None` if it does not exist.
    ///
    /// # Errors
    /// As [`Store::get`] for any other reason.
    fn find(
        &self,
        key: &ObjectKey,
    ) -> impl Future<Output = Result<Option<std::sync::Arc<Object>>, StoreError>> + Send {
        async move {
            match self.get(key).await {
                Ok(object) => Ok(Some(object)),
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(error),
            }
        }
    }
}

impl<S: Store + ?Sized> StoreExt for S {}

async fn patch_with<S: Store + ?Sized>(
    store: &S,
    key: &ObjectKey,
    patch: &Patch,
    options: &WriteOptions,
    status: bool,
) -> Result<Written, StoreError> {
    let mut tries = 1;
    loop {
        let stored = store.get(key).await?;
        let object = patched(key, &stored, patch)?;
        // A version that the patch brings is the writer's wish: then a conflict is the answer.
        let unmoved = object.metadata.resource_version == stored.metadata.resource_version;
        let written = if status {
            store.update_status(object, options).await
        } else {
            store.update(object, options).await
        };
        match written {
            Err(error) if error.is_conflict() && unmoved && tries < PATCH_TRIES => tries += 1,
            written => return written,
        }
    }
}

fn patched(key: &ObjectKey, stored: &Object, patch: &Patch) -> Result<Object, StoreError> {
    let malformed = |source| StoreError::Malformed {
        kind: key.kind.clone(),
        source,
    };
    let mut document = codec::object_to_value(stored).map_err(malformed)?;
    patch.apply(key, &mut document)?;
    let object = codec::object_from_value(document).map_err(malformed)?;
    check_name(key, &object)?;
    Ok(object)
}

/// A patch may not turn the object into another one.
fn check_name(key: &ObjectKey, object: &Object) -> Result<(), StoreError> {
    if object.name() == key.name && object.namespace() == key.namespace {
        return Ok(());
    }
    let field = if object.name() == key.name {
        "metadata.namespace"
    } else {
        "metadata.name"
    };
    let value = crate::object::quote(if object.name() == key.name {
        object.namespace()
    } else {
        object.name()
    });
    let cause = Cause {
        reason: "FieldValueInvalid".to_owned(),
        message: format!("Invalid value: {value}: field is immutable"),
        field: field.to_owned(),
    };
    Err(StoreError::Invalid {
        key: key.clone(),
        causes: vec![cause],
    })
}

fn refused(key: &ObjectKey, error: &json_patch::PatchError) -> StoreError {
    let path: &jsonptr::Pointer = &error.path;
    let message = match error.kind {
        PatchErrorKind::TestFailed => format!("testing value {path} failed: test failed"),
        _ => error.to_string(),
    };
    let cause = Cause {
        reason: "FieldValueInvalid".to_owned(),
        message,
        field: "patch".to_owned(),
    };
    StoreError::Invalid {
        key: key.clone(),
        causes: vec![cause],
    }
}
