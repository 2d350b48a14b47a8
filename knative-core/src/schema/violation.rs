//! What is wrong with a value, as the API server reports it.

use std::fmt;

use serde_json::Value;

use crate::object::quote;

/// The kind of a violation: the `reason` of a cause in a `Status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// A value of another type is asked for.
    TypeInvalid,
    /// The value breaks a rule.
    Invalid,
    /// The field must be there.
    Required,
    /// The value is not one of those allowed.
    NotSupported,
    /// The text is too long.
    TooLong,
    /// There are too many items or members.
    TooMany,
}

impl Reason {
    /// The name in a `Status`, as `FieldValueInvalid`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::Invalid => "FieldValueInvalid",
            Self::Required => "FieldValueRequired",
            Self::NotSupported => "FieldValueNotSupported",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
        }
    }
}

/// One thing that is wrong with an object. [`Display`](fmt::Display) is the line of the error text,
/// `<path>: <message>`; a cause in a `Status` has the three parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field.
    pub path: String,
    /// The kind of violation.
    pub reason: Reason,
    /// The text without the field, as `Required value`.
    pub message: String,
}

impl Violation {
    pub(super) fn wrong_type(path: &str, want: &str, got: &str) -> Self {
        let text = format!("{path} in body must be of type {want}: {}", quote(got));
        Self {
            path: path.to_owned(),
            reason: Reason::TypeInvalid,
            message: format!("Invalid value: {}: {text}", quote(got)),
        }
    }

    pub(super) fn invalid(path: &str, value: &Value, rule: &str) -> Self {
        Self {
            path: path.to_owned(),
            reason: Reason::Invalid,
            message: format!("Invalid value: {}: {path} in body {rule}", shown(value)),
        }
    }

    /// A rule on the shape of an object, of which no single value is at fault: the message names the path, nothing else does.
    pub(super) fn mismatch(path: &str, rule: &str) -> Self {
        Self {
            path: String::new(),
            reason: Reason::Invalid,
            message: format!("Invalid value: \"\": {} must {rule}", quote(path)),
        }
    }

    pub(super) fn required(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            reason: Reason::Required,
            message: "Required value".to_owned(),
        }
    }

    pub(super) fn not_supported(path: &str, value: &Value, choices: &[Value]) -> Self {
        let plain = |choice: &Value| {
            choice
                .as_str()
                .map_or_else(|| choice.to_string(), str::to_owned)
        };
        let choices: Vec<_> = choices.iter().map(|choice| quote(&plain(choice))).collect();
        let choices = choices.join(", ");
        Self {
            path: path.to_owned(),
            reason: Reason::NotSupported,
            message: format!(
                "Unsupported value: {}: supported values: {choices}",
                shown(value)
            ),
        }
    }

    pub(super) fn too_long(path: &str, limit: u64) -> Self {
        let unit = if limit == 1 { "byte" } else { "bytes" };
        Self {
            path: path.to_owned(),
            reason: Reason::TooLong,
            message: format!("Too long: may not be more than {limit} {unit}"),
        }
    }

    pub(super) fn too_many(path: &str, count: usize, limit: u64) -> Self {
        let unit = if limit == 1 { "item" } else { "items" };
        Self {
            path: path.to_owned(),
            reason: Reason::TooMany,
            message: format!("Too many: {count}: must have at most {limit} {unit}"),
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        other => other.to_string(),
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Kubernetes prints a missing path so.
        let path = if self.path.is_empty() {
            "<nil>"
        } else {
            &self.path
        };
        write!(f, "{path}: {}", self.message)
    }
}
