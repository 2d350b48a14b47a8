//! From a body to an object: what the kind does not know is dropped, told or refused.

use serde_json::Value;

use super::go_type;
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
    if let Some(wrong) = wrong_types(kind, &value).find(|one| is_decoded(kind, one)) {
        return Err(not_handled(kind, &go_type::mismatch(kind, &wrong)));
    }
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

fn wrong_types(kind: &Kind, value: &Value) -> impl Iterator<Item = Violation> + use<> {
    let wrong = kind.schema.check(value).into_iter();
    wrong.filter(|one| one.reason == Reason::TypeInvalid)
}

/// Kubernetes decodes its own kinds and all metadata into Go types before it validates anything.
fn is_decoded(kind: &Kind, violation: &Violation) -> bool {
    is_builtin(kind) || violation.path.starts_with("metadata.")
}

fn is_builtin(kind: &Kind) -> bool {
    !kind.group.contains('.') || kind.group.ends_with(".k8s.io")
}

/// Refuses data with values of the wrong type, before rules that decode it.
pub(super) fn check_types(kind: &Kind, key: &ObjectKey, object: &Object) -> Result<(), StoreError> {
    let mut wrong = wrong_types(kind, &object.data).peekable();
    if let Some(first) = wrong.next_if(|_| is_builtin(kind)) {
        return Err(not_handled(kind, &go_type::mismatch(kind, &first)));
    }
    refuse(key, wrong)
}

/// Refuses data that is not of its kind's shape.
pub(super) fn check(kind: &Kind, key: &ObjectKey, object: &Object) -> Result<(), StoreError> {
    let wrong = kind.schema.check(&object.data).into_iter();
    // The data stands without the metadata that the schema may ask for.
    refuse(key, wrong.filter(|one| one.path != "metadata"))
}

fn refuse(key: &ObjectKey, wrong: impl Iterator<Item = Violation>) -> Result<(), StoreError> {
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
