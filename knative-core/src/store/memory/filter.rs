//! Which objects a list or a watch is about.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::Value;

use crate::{
    Kind,
    object::{Object, ObjectExt as _},
    selector::{FieldSelector, LabelSelector},
    store::StoreError,
};

use super::table::Name;

/// Fields of every kind that a selector may name.
const COMMON_FIELDS: [&str; 2] = ["metadata.name", "metadata.namespace"];

#[derive(Clone, Debug)]
pub(super) struct Filter {
    pub(super) namespace: Option<String>,
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Filter {
    /// # Errors
    /// [`StoreError::BadRequest`] if the kind does not offer a field that `fields` names.
    pub(super) fn new(
        kind: &Kind,
        namespace: Option<&String>,
        labels: &LabelSelector,
        fields: &FieldSelector,
    ) -> Result<Self, StoreError> {
        let mut named = fields.requirements().iter().map(|one| one.field.as_str());
        if let Some(unknown) = named.find(|field| !is_selectable(kind, field)) {
            let message = format!("field label not supported: {unknown}");
            return Err(StoreError::bad_request(message));
        }
        Ok(Self {
            namespace: namespace.filter(|name| !name.is_empty()).cloned(),
            labels: labels.clone(),
            fields: fields.clone(),
        })
    }

    /// Whether everything in the namespace matches.
    pub(super) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether an object of this name may match.
    pub(super) fn allows(&self, name: &Name) -> bool {
        let namespace = self.namespace.as_deref();
        let exact = self.fields.exact("metadata.name");
        namespace.is_none_or(|namespace| namespace == name.namespace)
            && exact.is_none_or(|exact| exact == name.name)
    }

    pub(super) fn matches(&self, object: &Object) -> bool {
        self.namespace
            .as_deref()
            .is_none_or(|namespace| namespace == object.namespace())
            && (self.labels.is_empty() || self.labels.matches(labels_of(object)))
            && (self.fields.is_empty() || self.fields.matches(|path| field_of(object, path)))
    }
}

fn is_selectable(kind: &Kind, field: &str) -> bool {
    COMMON_FIELDS.contains(&field) || kind.selectable_fields.iter().any(|one| one == field)
}

fn labels_of(object: &Object) -> &BTreeMap<String, String> {
    static NONE: BTreeMap<String, String> = BTreeMap::new();
    object.metadata.labels.as_ref().unwrap_or(&NONE)
}

fn field_of<'a>(object: &'a Object, path: &str) -> Option<Cow<'a, str>> {
    match path {
        "metadata.name" => return Some(object.name().into()),
        "metadata.namespace" => return Some(object.namespace().into()),
        _ => {}
    }
    let mut value = &object.data;
    for part in path.split('.') {
        value = value.get(part)?;
    }
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
