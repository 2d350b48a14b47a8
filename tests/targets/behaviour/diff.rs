//! Two JSON values, place by place.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// A place where two values differ.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// As `.status.conditions[Ready].reason`.
    pub(crate) path: String,
    /// Ours; nothing where the place is missing.
    pub(crate) got: Option<Value>,
    /// The recording's.
    pub(crate) want: Option<Value>,
}

impl Difference {
    /// Whether the place is `path` or below it.
    pub(crate) fn is_within(&self, path: &str) -> bool {
        self.path
            .strip_prefix(path)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let show = |value: &Option<Value>| {
            value
                .as_ref()
                .map_or_else(|| "(nothing)".to_owned(), Value::to_string)
        };
        let Self { path, got, want } = self;
        write!(
            f,
            "{path}\n    got:  {}\n    want: {}",
            show(got),
            show(want)
        )
    }
}

/// Every place where `got` is not as `want`. Items of `conditions` are named by their type, and their order counts.
pub(crate) fn differences(got: &Value, want: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", Some(got), Some(want), &mut found);
    found
}

fn compare(path: &str, got: Option<&Value>, want: Option<&Value>, found: &mut Vec<Difference>) {
    match (got, want) {
        (Some(Value::Object(got)), Some(Value::Object(want))) => members(path, got, want, found),
        (Some(Value::Array(got)), Some(Value::Array(want))) => {
            if path.ends_with(".conditions") {
                conditions(path, got, want, found);
            } else {
                items(path, got, want, found);
            }
        }
        (got, want) if got != want => found.push(Difference {
            path: path.to_owned(),
            got: got.cloned(),
            want: want.cloned(),
        }),
        _ => {}
    }
}

fn members(
    path: &str,
    got: &Map<String, Value>,
    want: &Map<String, Value>,
    found: &mut Vec<Difference>,
) {
    let keys: BTreeSet<&String> = got.keys().chain(want.keys()).collect();
    for key in keys {
        let inner = format!("{path}.{key}");
        compare(&inner, got.get(key), want.get(key), found);
    }
}

fn items(path: &str, got: &[Value], want: &[Value], found: &mut Vec<Difference>) {
    for index in 0..got.len().max(want.len()) {
        let inner = format!("{path}[{index}]");
        compare(&inner, got.get(index), want.get(index), found);
    }
}

fn conditions(path: &str, got: &[Value], want: &[Value], found: &mut Vec<Difference>) {
    let (ours, theirs) = (types(got), types(want));
    for name in ours.iter().chain(&theirs).collect::<BTreeSet<_>>() {
        let inner = format!("{path}[{name}]");
        compare(&inner, of_type(got, name), of_type(want, name), found);
    }
    if ours.len() == theirs.len() && ours != theirs {
        found.push(Difference {
            path: path.to_owned(),
            got: Some(ours.into()),
            want: Some(theirs.into()),
        });
    }
}

fn types(conditions: &[Value]) -> Vec<&str> {
    let types = conditions
        .iter()
        .map(|condition| condition["type"].as_str());
    types.map(Option::unwrap_or_default).collect()
}

fn of_type<'a>(conditions: &'a [Value], name: &str) -> Option<&'a Value> {
    let mut conditions = conditions.iter();
    conditions.find(|condition| condition["type"] == name)
}
