//! A schema, compiled from its document.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value};

use super::{SchemaError, member};

/// What one value may be.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// Names of JSON types; none: any.
    pub(super) types: Vec<String>,
    pub(super) format: Option<String>,
    pub(super) nullable: bool,
    /// Whether fields that are not named stay.
    pub(super) preserve: bool,
    pub(super) properties: BTreeMap<String, Box<Self>>,
    pub(super) additional: Option<Box<Self>>,
    pub(super) items: Option<Box<Self>>,
    pub(super) default: Option<Value>,
    pub(super) rules: Rules,
    pub(super) all_of: Vec<Self>,
    pub(super) any_of: Vec<Self>,
    pub(super) one_of: Vec<Self>,
    pub(super) not: Option<Box<Self>>,
}

/// What is asked of a value beyond its type.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub(super) required: Vec<String>,
    pub(super) choices: Option<Vec<Value>>,
    pub(super) pattern: Option<Regex>,
    pub(super) minimum: Option<f64>,
    pub(super) maximum: Option<f64>,
    pub(super) exclusive_minimum: bool,
    pub(super) exclusive_maximum: bool,
    pub(super) multiple_of: Option<f64>,
    pub(super) min_length: Option<u64>,
    pub(super) max_length: Option<u64>,
    pub(super) min_items: Option<u64>,
    pub(super) max_items: Option<u64>,
    pub(super) min_properties: Option<u64>,
    pub(super) max_properties: Option<u64>,
}

impl Node {
    /// Accepts and keeps everything.
    pub(super) fn open() -> Self {
        Self {
            preserve: true,
            ..Self::default()
        }
    }

    /// What a member of this name may be.
    pub(super) fn property(&self, name: &str) -> Option<&Self> {
        let named = self.properties.get(name).map(AsRef::as_ref);
        named.or(self.additional.as_deref())
    }

    pub(super) fn compile(schema: &Value, path: &str) -> Result<Self, SchemaError> {
        let keywords = Keywords {
            of: schema
                .as_object()
                .ok_or_else(|| malformed(path, "not an object"))?,
            path,
        };
        if keywords.of.contains_key("$ref") {
            return Err(malformed(path, "a structural schema has no $ref"));
        }
        let additional = match keywords.of.get("additionalProperties") {
            Some(Value::Bool(true)) => Some(Box::new(Self::open())),
            Some(Value::Bool(false)) => None,
            _ => keywords.child("additionalProperties")?,
        };
        let any_of = keywords.children("anyOf")?;
        let one_of = keywords.children("oneOf")?;
        Ok(Self {
            types: types(&keywords, any_of.iter().chain(&one_of)),
            format: keywords.text("format"),
            nullable: keywords.flag("nullable"),
            preserve: keywords.flag("x-kubernetes-preserve-unknown-fields"),
            properties: keywords.properties()?,
            additional,
            items: keywords.child("items")?,
            default: keywords.of.get("default").cloned(),
            rules: keywords.rules()?,
            all_of: keywords.children("allOf")?,
            any_of,
            one_of,
            not: keywords.child("not")?,
        })
    }
}

/// The named type; that of `x-kubernetes-int-or-string`; or the types that alternatives name.
fn types<'a>(keywords: &Keywords<'_>, variants: impl Iterator<Item = &'a Node>) -> Vec<String> {
    if keywords.flag("x-kubernetes-int-or-string") {
        return vec!["integer".to_owned(), "string".to_owned()];
    }
    if let Some(named) = keywords.text("type") {
        return vec![named];
    }
    let mut types = Vec::new();
    for variant in variants {
        if variant.types.is_empty() {
            return Vec::new();
        }
        types.extend(variant.types.iter().cloned());
    }
    types.dedup();
    types
}

fn malformed(path: &str, what: &'static str) -> SchemaError {
    SchemaError::Malformed {
        path: path.to_owned(),
        what,
    }
}

/// The members of a schema's document.
struct Keywords<'a> {
    of: &'a Map<String, Value>,
    path: &'a str,
}

impl Keywords<'_> {
    fn text(&self, name: &str) -> Option<String> {
        self.of.get(name).and_then(Value::as_str).map(str::to_owned)
    }

    fn flag(&self, name: &str) -> bool {
        self.of
            .get(name)
            .and_then(Value::as_bool)
            .unwrap_or_default()
    }

    fn count(&self, name: &str) -> Option<u64> {
        self.of.get(name).and_then(Value::as_u64)
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.of.get(name).and_then(Value::as_f64)
    }

    fn list(&self, name: &str) -> &[Value] {
        self.of
            .get(name)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    fn child(&self, name: &str) -> Result<Option<Box<Node>>, SchemaError> {
        let child = self.of.get(name);
        let compiled = child.map(|child| Node::compile(child, &member(self.path, name)));
        compiled.map(|child| child.map(Box::new)).transpose()
    }

    fn children(&self, name: &str) -> Result<Vec<Node>, SchemaError> {
        let path = member(self.path, name);
        self.list(name)
            .iter()
            .map(|child| Node::compile(child, &path))
            .collect()
    }

    fn properties(&self) -> Result<BTreeMap<String, Box<Node>>, SchemaError> {
        let Some(properties) = self.of.get("properties") else {
            return Ok(BTreeMap::new());
        };
        let path = member(self.path, "properties");
        let properties = properties
            .as_object()
            .ok_or_else(|| malformed(&path, "not an object"))?;
        let compile = |(name, schema): (&String, &Value)| {
            let node = Node::compile(schema, &member(&path, name))?;
            Ok((name.clone(), Box::new(node)))
        };
        properties.iter().map(compile).collect()
    }

    fn rules(&self) -> Result<Rules, SchemaError> {
        let required = self.list("required").iter().filter_map(Value::as_str);
        let pattern = self
            .of
            .get("pattern")
            .and_then(Value::as_str)
            .map(Regex::new)
            .transpose();
        Ok(Rules {
            required: required.map(str::to_owned).collect(),
            choices: self.of.get("enum").and_then(Value::as_array).cloned(),
            pattern: pattern.map_err(|source| SchemaError::Pattern {
                path: self.path.to_owned(),
                source: Box::new(source),
            })?,
            minimum: self.number("minimum"),
            maximum: self.number("maximum"),
            exclusive_minimum: self.flag("exclusiveMinimum"),
            exclusive_maximum: self.flag("exclusiveMaximum"),
            multiple_of: self.number("multipleOf"),
            min_length: self.count("minLength"),
            max_length: self.count("maxLength"),
            min_items: self.count("minItems"),
            max_items: self.count("maxItems"),
            min_properties: self.count("minProperties"),
            max_properties: self.count("maxProperties"),
        })
    }
}
