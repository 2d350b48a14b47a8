//! Who created an object and who last changed its spec, kept in two annotations.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::admission::FieldErrors;

use crate::api::keys::serving::{CREATOR, LAST_MODIFIER};

/// How the spec of an object relates to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// There is none before.
    New,
    /// It differs.
    Changed,
    /// It is the same.
    Same,
}

impl Change {
    pub(super) fn of(same: Option<bool>) -> Self {
        match same {
            None => Self::New,
            Some(true) => Self::Same,
            Some(false) => Self::Changed,
        }
    }
}

/// Notes the user of a write.
pub(super) fn note(metadata: &mut ObjectMeta, user: Option<&str>, change: Change) {
    let Some(user) = user else {
        return;
    };
    let mut set = |key: &str| {
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(key.to_owned(), user.to_owned());
    };
    if change == Change::New {
        set(CREATOR);
    }
    if change != Change::Same {
        set(LAST_MODIFIER);
    }
}

/// The creator never changes, the modifier only along with the spec. Paths are below the annotations.
pub(super) fn validate(old: &ObjectMeta, new: &ObjectMeta, same_spec: bool) -> FieldErrors {
    let mut errors = FieldErrors::none();
    if value(old, CREATOR) != value(new, CREATOR) {
        errors.push(FieldErrors::generic(
            "annotation value is immutable",
            [CREATOR],
        ));
    }
    if same_spec && value(old, LAST_MODIFIER) != value(new, LAST_MODIFIER) {
        errors.push(FieldErrors::invalid_value(
            value(new, LAST_MODIFIER),
            LAST_MODIFIER,
        ));
    }
    errors
}

fn value<'a>(metadata: &'a ObjectMeta, key: &str) -> &'a str {
    let annotations: Option<&BTreeMap<String, String>> = metadata.annotations.as_ref();
    annotations
        .and_then(|annotations| annotations.get(key))
        .map(String::as_str)
        .unwrap_or_default()
}
