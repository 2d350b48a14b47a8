//! From a body to an object: what the kind does not know is dropped, told or refused.

use serde_json::Value;

use crate::{
    Kind, Kinds,
    object::{GroupKind, Object, ObjectKey, quote},
    schema::{Reason, UnknownField, Violation},
    store::{Cause, FieldValidation, StoreError, codec},
};

/// Reads an object of a kind from JSON, with its metadata checked as strictly as the rest, and warnings for the writer.
///
/// # Errors
/// [`StoreError::UnknownKind`], or [`StoreError::BadRequest`] for what is no object or, under
/// [`FieldValidation::Strict`], has unknown fields.
pub fn decode(
    kinds: &Kinds,
    kind: &GroupKind,
    mut value: Value,
    validation: FieldValidation,
) -> Result<(Object, Vec<String>), StoreError> {
    let kind = kinds
        .get(kind)
        .ok_or_else(|| StoreError::UnknownKind { kind: kind.clone() })?;
    let warnings = prune(kind, &mut value, validation)?;
    let object = codec::object_from_value(value);
    let object = object.map_err(|error| not_handled(kind, &error.to_string()))?;
    Ok((object, warnings))
}

/// Drops what the kind does not know of a whole object or of its data.
pub(super) fn prune(
    kind: &Kind,
    value: &mut Value,
    validation: FieldValidation,
) -> Result<Vec<String>, StoreError> {
    let unknown = kind.schema.prune(value);
    let texts = unknown.iter().map(UnknownField::to_string);
    match validation {
        FieldValidation::Strict if !unknown.is_empty() => {
            let texts: Vec<String> = texts.collect();
            let what = format!("strict decoding error: {}", texts.join(", "));
            Err(not_handled(kind, &what))
        }
        FieldValidation::Warn => Ok(texts.collect()),
        FieldValidation::Strict | FieldValidation::Ignore => Ok(Vec::new()),
    }
}

/// What of the schema the object breaks; only wrong types if `types_only`.
pub(super) fn check(
    kind: &Kind,
    key: &ObjectKey,
    object: &Object,
    types_only: bool,
) -> Result<(), StoreError> {
    let wrong = kind.schema.check(&object.data).into_iter();
    // The data stands without the metadata that the schema may ask for.
    let wrong = wrong.filter(|one| one.path != "metadata");
    let wrong = wrong.filter(|one| !types_only || one.reason == Reason::TypeInvalid);
    let causes: Vec<Cause> = wrong.map(cause_of).collect();
    if causes.is_empty() {
        return Ok(());
    }
    Err(StoreError::Invalid {
        key: key.clone(),
        causes,
    })
}

fn cause_of(violation: Violation) -> Cause {
    Cause {
        reason: violation.reason.as_str().to_owned(),
        message: violation.message,
        field: violation.path,
    }
}

fn not_handled(kind: &Kind, why: &str) -> StoreError {
    StoreError::bad_request(format!(
        "{0} in version {1} cannot be handled as a {0}: {why}",
        kind.kind,
        quote(&kind.version),
    ))
}
