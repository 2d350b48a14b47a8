//! Objects without what differs from run to run.

use std::collections::BTreeMap;

use serde_json::Value;

/// Uids that were seen, and what they stand for.
#[derive(Debug, Default)]
pub(crate) struct Names {
    uids: BTreeMap<String, String>,
}

/// Members of a status that depend on timing and load.
const LOOSE: [&str; 4] = [
    "actualReplicas",
    "desiredReplicas",
    "desiredScale",
    "actualScale",
];

impl Names {
    /// Remembers the uid of an object.
    pub(crate) fn learn(&mut self, object: &Value) {
        let metadata = &object["metadata"];
        if let Some(uid) = metadata["uid"].as_str() {
            let kind = object["kind"].as_str().unwrap_or_default();
            let name = metadata["name"].as_str().unwrap_or_default();
            self.uids
                .insert(uid.to_owned(), format!("<uid:{kind}/{name}>"));
        }
    }

    /// Replaces uids and times, and drops what no recording holds.
    pub(crate) fn normalise(&self, mut object: Value) -> Value {
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
            metadata.remove("managedFields");
        }
        loosen(&mut object);
        self.texts(&mut object);
        object
    }

    fn texts(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(name) = self.uids.get(text.as_str()) {
                    name.clone_into(text);
                } else if text.parse::<jiff::Timestamp>().is_ok() {
                    "<time>".clone_into(text);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.texts(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.texts(field)),
            _ => {}
        }
    }
}

/// Drops what depends on timing and load, in recordings as well.
pub(crate) fn loosen(object: &mut Value) {
    if let Some(status) = object["status"].as_object_mut() {
        status.retain(|name, _| !LOOSE.contains(&name.as_str()));
    }
}
