//! Objects as the recordings show them: without what differs from run to run.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// How the name of a pod begins that a trial run makes.
const TRIAL: &str = "dry-run-validation";

/// Names for the uids that were seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Uids(BTreeMap<String, String>);

impl Uids {
    /// Notes an object's uid.
    pub(crate) fn note(&mut self, object: &Value) {
        let metadata = &object["metadata"];
        if let (Some(uid), Some(kind), Some(name)) = (
            metadata["uid"].as_str(),
            object["kind"].as_str(),
            metadata["name"].as_str(),
        ) {
            let shown = format!("<uid:{kind}/{name}>");
            self.0.insert(uid.to_owned(), shown);
        }
    }

    /// An object without versions, with names for uids and times.
    pub(crate) fn normalise(&self, object: &Value) -> Value {
        let mut object = object.clone();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
            metadata.remove("managedFields");
        }
        self.walk(&object)
    }

    fn walk(&self, value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let members = members.iter();
                let shown = members.map(|(key, member)| (key.clone(), self.walk(member)));
                Value::Object(shown.collect::<Map<_, _>>())
            }
            Value::Array(items) => items.iter().map(|item| self.walk(item)).collect(),
            Value::String(text) if is_time(text) => Value::from("<time>"),
            Value::String(text) => match self.0.get(text) {
                Some(shown) => Value::from(shown.as_str()),
                None => value.clone(),
            },
            other => other.clone(),
        }
    }
}

/// The answer to a dry run: its uid belongs to nothing.
pub(crate) fn dry_run(object: &Value, uids: &Uids) -> Value {
    let mut shown = uids.normalise(object);
    if let Some(uid) = shown["metadata"].get_mut("uid")
        && !uid.as_str().is_some_and(|uid| uid.starts_with("<uid:"))
    {
        *uid = Value::from("<uid>");
    }
    shown
}

/// A text in which the pod of a trial run has no name of its own.
pub(crate) fn without_suffix(text: &str) -> String {
    let Some((before, after)) = text.split_once(TRIAL) else {
        return text.to_owned();
    };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    format!("{before}{TRIAL}<rand>{rest}")
}

fn is_time(text: &str) -> bool {
    text.len() >= "2026-01-01T00:00:00Z".len()
        && text.ends_with('Z')
        && text.parse::<jiff::Timestamp>().is_ok()
}
