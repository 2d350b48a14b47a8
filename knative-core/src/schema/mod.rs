//! Structural schemas: what an object may hold, checked on JSON before it is decoded.
//!
//! A request passes [`Schema::prune`], then [`Schema::apply_defaults`], then admission, then [`Schema::check`].

mod check;
mod node;
mod number;
mod prune;
mod resolve;
#[cfg(test)]
mod tests;
mod violation;

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::node::Node;
pub use self::violation::{Reason, Violation};

/// Why a document is not a structural schema.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The text is not YAML.
    #[error("schema is not YAML")]
    Yaml(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A schema is not an object, or a keyword has a value of the wrong type.
    #[error("malformed schema at {path:?}: {what}")]
    Malformed {
        /// Where in the schema.
        path: String,
        /// What is wrong there.
        what: &'static str,
    },
    /// A pattern is no regular expression.
    #[error("pattern of {path:?} is not a regular expression")]
    Pattern {
        /// Where in the schema.
        path: String,
        /// What is wrong with it.
        #[source]
        source: Box<regex::Error>,
    },
}

/// A field that the schema does not know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnknownField {
    /// Where, as `spec.template.spec.containers[0].nosuchfield`.
    pub path: String,
}

impl fmt::Display for UnknownField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown field \"{}\"", self.path)
    }
}

/// The shape of a kind's objects: an OpenAPI v3 schema as Kubernetes takes it for custom resources.
///
/// `apiVersion`, `kind` and the fields of `metadata` are known whether the schema names them or not. The default schema
/// accepts any object.
///
/// ```
/// use knative_core::schema::Schema;
/// use serde_json::json;
///
/// let schema = Schema::from_value(json!({
///     "type": "object",
///     "properties": {"spec": {
///         "type": "object",
///         "properties": {"replicas": {"type": "integer", "default": 1}},
///     }},
/// }))?;
/// let mut object = json!({"metadata": {"name": "a"}, "spec": {"repicas": "x"}});
/// let unknown = schema.prune(&mut object);
/// assert_eq!(unknown[0].to_string(), r#"unknown field "spec.repicas""#);
/// schema.apply_defaults(&mut object);
/// assert_eq!(object, json!({"metadata": {"name": "a"}, "spec": {"replicas": 1}}));
///
/// object["spec"]["replicas"] = json!("x");
/// assert_eq!(
///     schema.check(&object)[0].to_string(),
///     r#"spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string""#
/// );
/// # Ok::<(), knative_core::schema::SchemaError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Schema {
    /// The document as text: it is rarely asked for, and ten times as large as a tree.
    source: Box<str>,
    root: Node,
}

impl Schema {
    /// The schema of a CRD (`openAPIV3Schema`).
    pub fn from_value(schema: Value) -> Result<Self, SchemaError> {
        let source = with_metadata(schema)?;
        Ok(Self {
            root: Node::compile(&source, "")?,
            source: source.to_string().into(),
        })
    }

    /// The schema of a CRD, as YAML.
    pub fn from_yaml(text: &str) -> Result<Self, SchemaError> {
        let parsed = serde_saphyr::from_str(text);
        Self::from_value(parsed.map_err(|error| SchemaError::Yaml(Box::new(error)))?)
    }

    /// The schema of a Rust type, with all that it refers to inlined.
    ///
    /// As everywhere in Kubernetes an absent member and a null one are the same, and Rust's defaults are no defaults of
    /// the schema. Types whose shape is open, as [`serde_json::Value`], preserve what they hold. A type with a pattern that
    /// is no regular expression gets the default schema.
    ///
    /// ```
    /// use k8s_openapi::api::core::v1::ConfigMap;
    /// use knative_core::schema::Schema;
    /// use serde_json::json;
    ///
    /// let schema = Schema::of::<ConfigMap>();
    /// let mut object = json!({"data": {"a": "1"}, "daat": {}});
    /// assert_eq!(schema.prune(&mut object)[0].path, "daat");
    /// ```
    pub fn of<T: JsonSchema>() -> Self {
        Self::from_value(resolve::schema_of::<T>()).unwrap_or_default()
    }

    /// The document of this schema: self-contained, for OpenAPI v3 and for a CRD.
    pub fn to_value(&self) -> Value {
        let mut source = serde_json::Deserializer::from_str(&self.source);
        source.disable_recursion_limit();
        // It was written from a value, so it is one.
        Value::deserialize(&mut source).unwrap_or_default()
    }

    /// Removes fields that the schema does not know and says which (of very many, some), sorted by path.
    pub fn prune(&self, object: &mut Value) -> Vec<UnknownField> {
        let mut unknown = Vec::new();
        prune::prune(&self.root, object, "", &mut unknown);
        unknown.sort();
        unknown
    }

    /// Fills in the defaults of absent fields, and removes nulls where null is not a value of its own.
    pub fn apply_defaults(&self, object: &mut Value) {
        prune::apply_defaults(&self.root, object);
    }

    /// What is wrong with the object (of very much, some), in the words of the Kubernetes API server. Unknown fields are
    /// not.
    pub fn check(&self, object: &Value) -> Vec<Violation> {
        let mut wrong = Vec::new();
        check::check(&self.root, object, "", &mut wrong);
        wrong
    }
}

impl Default for Schema {
    fn default() -> Self {
        Self {
            source: r#"{"type":"object","x-kubernetes-preserve-unknown-fields":true}"#.into(),
            root: Node::open(),
        }
    }
}

/// What every object has; a CRD says no more of it than `metadata: {type: object}`.
fn with_metadata(schema: Value) -> Result<Value, SchemaError> {
    let malformed = |what| SchemaError::Malformed {
        path: String::new(),
        what,
    };
    let Value::Object(mut root) = schema else {
        return Err(malformed("not an object"));
    };
    let members = root
        .entry("properties")
        .or_insert_with(|| Map::new().into());
    let members = members
        .as_object_mut()
        .ok_or_else(|| malformed("properties is not an object"))?;
    for name in ["apiVersion", "kind"] {
        members
            .entry(name)
            .or_insert_with(|| json!({"type": "string"}));
    }
    let bare = |metadata: &Value| metadata.get("properties").is_none();
    if members.get("metadata").is_none_or(bare) {
        members.insert("metadata".to_owned(), resolve::schema_of::<ObjectMeta>());
    }
    root.entry("type").or_insert_with(|| "object".into());
    Ok(root.into())
}

fn member(path: &str, name: &str) -> String {
    if path.is_empty() {
        return name.to_owned();
    }
    format!("{path}.{name}")
}

fn item(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}
