//! Changes of parts of an object, in the three formats that are taken.

mod keys;
mod operations;
mod strategic;

use json_patch::PatchOperation;
use serde_json::Value;

use crate::{document::Document, negotiate::essence, status::Failure};

/// How many operations a JSON patch may have; the API server's limit.
const MAX_OPERATIONS: usize = 10_000;
const JSON: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// A change of parts of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Patch {
    /// A list of operations (RFC 6902).
    Json(Vec<PatchOperation>),
    /// A partial object in which `null` removes (RFC 7386).
    Merge(Value),
    /// A partial object whose lists are merged by key, for Kubernetes' own kinds.
    Strategic(Value),
}

impl Patch {
    /// Reads a patch, and the fields that it names twice. Server-side apply is not offered; clients are told so as by a
    /// server that never had it.
    pub(crate) fn parse(
        content_type: &str,
        builtin: bool,
        bytes: &[u8],
    ) -> Result<(Self, Vec<String>), Failure> {
        let essence = essence(content_type);
        let taken = match essence.as_str() {
            JSON | MERGE => true,
            STRATEGIC => builtin,
            _ => false,
        };
        if !taken {
            return Err(unsupported(builtin));
        }
        let document = Document::from_json(bytes)
            .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
        let patch = match essence.as_str() {
            JSON => read_operations(document.value)?,
            MERGE => Self::Merge(object(document.value)?),
            _ => Self::Strategic(object(document.value)?),
        };
        Ok((patch, document.duplicates))
    }

    /// Changes `value`.
    pub(crate) fn apply(&self, value: &mut Value) -> Result<(), Failure> {
        match self {
            Self::Json(operations) => operations::apply(operations, value),
            Self::Merge(patch) => {
                json_patch::merge(value, patch);
                Ok(())
            }
            Self::Strategic(patch) => strategic::merge(value, patch),
        }
    }
}

fn read_operations(value: Value) -> Result<Patch, Failure> {
    let count = value.as_array().map_or(0, Vec::len);
    if count > MAX_OPERATIONS {
        return Err(Failure::too_large(format!(
            "The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {count}"
        )));
    }
    serde_json::from_value(value)
        .map(Patch::Json)
        .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))
}

fn object(value: Value) -> Result<Value, Failure> {
    if value.is_object() {
        return Ok(value);
    }
    Err(Failure::bad_request(
        "error decoding patch: json: cannot unmarshal the patch into an object",
    ))
}

fn unsupported(builtin: bool) -> Failure {
    if builtin {
        Failure::unsupported_media_type(&[JSON, MERGE, STRATEGIC, APPLY])
    } else {
        Failure::unsupported_media_type(&[JSON, MERGE, APPLY])
    }
}

#[cfg(test)]
mod tests;
