//! The ways that conditions take.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The member of a recorded transition that ends an object's life.
const DELETED: &str = "deleted";

/// What an object shows at a time: by condition's type its text, as `Unknown Deploying [Info]: message`.
pub(crate) type States = BTreeMap<String, String>;

/// Per object and condition, every different text in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paths(BTreeMap<(String, String), Vec<String>>);

impl Paths {
    /// Notes what an object shows.
    pub(crate) fn take(&mut self, object: &str, states: &States) {
        for (name, text) in states {
            let path = self.0.entry((object.to_owned(), name.clone())).or_default();
            if path.last() != Some(text) {
                path.push(text.clone());
            }
        }
    }

    /// Notes that an object is gone.
    pub(crate) fn end(&mut self, object: &str) {
        let gone = States::from([(DELETED.to_owned(), "true".to_owned())]);
        self.take(object, &gone);
    }

    /// Notes recorded transitions of an object.
    pub(crate) fn take_recorded(&mut self, object: &str, changes: &[BTreeMap<String, Value>]) {
        for change in changes {
            let text = |value: &Value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            };
            let states = change
                .iter()
                .map(|(name, value)| (name.clone(), text(value)));
            self.take(object, &states.collect());
        }
    }

    /// All of them: object, condition, texts.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str, &[String])> {
        let paths = self.0.iter();
        paths.map(|((object, name), path)| (object.as_str(), name.as_str(), path.as_slice()))
    }

    /// One of them.
    pub(crate) fn get(&self, object: &str, name: &str) -> &[String] {
        let key = (object.to_owned(), name.to_owned());
        self.0.get(&key).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Texts that any recording shows for a condition of a kind, with the names in them left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vocabulary(BTreeSet<(String, String, String)>);

impl Vocabulary {
    /// Adds what a recording shows.
    pub(crate) fn add(&mut self, paths: &Paths) {
        for (object, name, path) in paths.iter() {
            let known = path.iter().map(|text| word(object, name, text));
            self.0.extend(known);
        }
    }

    /// Whether some recording shows this.
    pub(crate) fn knows(&self, object: &str, name: &str, text: &str) -> bool {
        self.0.contains(&word(object, name, text))
    }
}

fn word(object: &str, name: &str, text: &str) -> (String, String, String) {
    let kind = object.split('/').next().unwrap_or_default();
    (kind.to_owned(), name.to_owned(), nameless(text))
}

/// A text without what it quotes.
fn nameless(text: &str) -> String {
    let outside = text.split('"').step_by(2);
    outside.collect::<Vec<_>>().join("\"\"")
}

/// What an object shows now.
pub(crate) fn of(object: &str, value: &Value) -> States {
    let status = &value["status"];
    let mut shown = States::new();
    for condition in status["conditions"].as_array().into_iter().flatten() {
        shown.insert(string(&condition["type"]), condition_text(condition));
    }
    match object.split('/').next() {
        Some("ksvc" | "configuration") => {
            shown.insert("(latest)".to_owned(), latest(status));
        }
        Some("route") if !traffic(status).is_empty() => {
            shown.insert("(traffic)".to_owned(), traffic(status));
        }
        Some("revision") => {
            let state = &value["metadata"]["labels"]["serving.knative.dev/routingState"];
            let state = state.as_str().unwrap_or("None");
            shown.insert("(state)".to_owned(), state.to_owned());
        }
        _ => {}
    }
    shown
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn condition_text(condition: &Value) -> String {
    let part = |name: &str, before: &str, after: &str| {
        let text = condition[name].as_str().filter(|text| !text.is_empty());
        text.map_or_else(String::new, |text| format!("{before}{text}{after}"))
    };
    format!(
        "{}{}{}{}",
        string(&condition["status"]),
        part("reason", " ", ""),
        part("severity", " [", "]"),
        part("message", ": ", "")
    )
}

fn latest(status: &Value) -> String {
    let name = |field: &str| status[field].as_str().unwrap_or("None").to_owned();
    format!(
        "created {} ready {}",
        name("latestCreatedRevisionName"),
        name("latestReadyRevisionName")
    )
}

fn traffic(status: &Value) -> String {
    let targets = status["traffic"].as_array().into_iter().flatten();
    let shown = targets.map(|target| {
        let tag = target["tag"].as_str().filter(|tag| !tag.is_empty());
        let tag = tag.map_or_else(String::new, |tag| format!(" tag {tag}"));
        let latest = if target["latestRevision"] == true {
            " latest"
        } else {
            ""
        };
        let percent = target["percent"].as_i64().unwrap_or(0);
        format!("{}={percent}{tag}{latest}", string(&target["revisionName"]))
    });
    shown.collect::<Vec<_>>().join(", ")
}
