//! What a template is applied to.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};

/// A value in a template, with the behaviour of the Go type that it stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value at all: what a map has for a key that it lacks.
    Missing,
    /// A nil pointer.
    Nil,
    /// `bool`.
    Bool(bool),
    /// `int64`.
    Int(i64),
    /// `float64`.
    Float(f64),
    /// `string`.
    Text(String),
    /// `[]string`, or a slice of structs.
    List(Vec<Self>),
    /// `map[string]string`.
    Map(BTreeMap<String, Self>),
    /// A struct: its type as errors name it, and its fields.
    Object(&'static str, BTreeMap<&'static str, Self>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&Option<String>> for Value {
    fn from(text: &Option<String>) -> Self {
        Self::Text(text.clone().unwrap_or_default())
    }
}

impl From<&Option<BTreeMap<String, String>>> for Value {
    fn from(map: &Option<BTreeMap<String, String>>) -> Self {
        map.as_ref()
            .map_or_else(|| Self::Map(BTreeMap::new()), Self::from)
    }
}

impl From<&BTreeMap<String, String>> for Value {
    fn from(map: &BTreeMap<String, String>) -> Self {
        Self::Map(
            map.iter()
                .map(|(key, text)| (key.clone(), Self::Text(text.clone())))
                .collect(),
        )
    }
}

impl Value {
    /// The metadata of an object under its Go field names.
    pub fn object_meta(meta: &ObjectMeta) -> Self {
        let created = time(meta.creation_timestamp.as_ref()).unwrap_or(ZERO_TIME.to_owned());
        Self::Object(
            "v1.ObjectMeta",
            BTreeMap::from([
                ("Name", Self::from(&meta.name)),
                ("GenerateName", Self::from(&meta.generate_name)),
                ("Namespace", Self::from(&meta.namespace)),
                ("SelfLink", Self::from(&meta.self_link)),
                ("UID", Self::from(&meta.uid)),
                ("ResourceVersion", Self::from(&meta.resource_version)),
                ("Generation", Self::Int(meta.generation.unwrap_or_default())),
                ("CreationTimestamp", Self::Text(created)),
                (
                    "DeletionTimestamp",
                    time(meta.deletion_timestamp.as_ref()).map_or(Self::Nil, Self::Text),
                ),
                ("ManagedFields", Self::List(Vec::new())),
                (
                    "DeletionGracePeriodSeconds",
                    meta.deletion_grace_period_seconds
                        .map_or(Self::Nil, Self::Int),
                ),
                ("Labels", Self::from(&meta.labels)),
                ("Annotations", Self::from(&meta.annotations)),
                (
                    "Finalizers",
                    Self::texts(meta.finalizers.as_deref().unwrap_or_default()),
                ),
                ("OwnerReferences", Self::List(owners(meta))),
            ]),
        )
    }

    /// A list of texts.
    pub fn texts(texts: &[String]) -> Self {
        Self::List(texts.iter().map(|text| Self::Text(text.clone())).collect())
    }

    /// Whether `if` takes it for true.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Missing | Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Text(value) => !value.is_empty(),
            Self::List(values) => !values.is_empty(),
            Self::Map(values) => !values.is_empty(),
            Self::Object(..) => true,
        }
    }

    /// The name of the Go type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Missing | Self::Nil => "nil",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int64",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::List(_) => "[]string",
            Self::Map(_) => "map[string]string",
            Self::Object(name, _) => name,
        }
    }

    /// The field or key `name`.
    pub(super) fn field(&self, name: &str) -> Result<Self, String> {
        let absent = || format!("can't evaluate field {name} in type {}", self.type_name());
        match self {
            Self::Object(_, fields) => fields.get(name).cloned().ok_or_else(absent),
            Self::Map(entries) => Ok(entries.get(name).cloned().unwrap_or(Self::Missing)),
            Self::Missing => Ok(Self::Missing),
            _ => Err(absent()),
        }
    }
}

/// How a time that was never set is written.
const ZERO_TIME: &str = "0001-01-01 00:00:00 +0000 UTC";

fn time(time: Option<&Time>) -> Option<String> {
    time.map(|time| time.0.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string())
}

fn owners(meta: &ObjectMeta) -> Vec<Value> {
    let owner = |owner: &OwnerReference| {
        Value::Object(
            "v1.OwnerReference",
            BTreeMap::from([
                ("APIVersion", Value::from(owner.api_version.as_str())),
                ("Kind", Value::from(owner.kind.as_str())),
                ("Name", Value::from(owner.name.as_str())),
                ("UID", Value::from(owner.uid.as_str())),
            ]),
        )
    };
    meta.owner_references.iter().flatten().map(owner).collect()
}
