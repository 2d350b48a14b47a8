//! Answers of the API: code, refusal, warnings, the object of a dry run.

use serde_json::{Map, Value};

use crate::{client::Answer, diff::differences, normalise, observe::Seen, scenario::Step};

/// Every difference, in words.
pub(crate) fn answer(step: &Step, got: &Answer, seen: &Seen) -> Vec<String> {
    let mut found = Vec::new();
    let code = got.status.as_u16();
    if step.code.is_some_and(|want| want != code) {
        found.push(format!("code {code}, want {:?}: {}", step.code, got.body));
    }
    if step.warnings != got.warnings {
        found.push(format!(
            "warnings\n    got:  {:?}\n    want: {:?}",
            got.warnings, step.warnings
        ));
    }
    if let Some(want) = &step.refused {
        let mut told = refusal(&got.body);
        if let Some(message) = told["message"].as_str() {
            told["message"] = Value::from(normalise::without_suffix(message));
        }
        let places = differences(&told, want);
        found.extend(places.iter().map(|place| format!("refusal {place}")));
    }
    if let Some(want) = &step.result {
        let shown = normalise::dry_run(&got.body, &seen.uids);
        let places = differences(&shown, want);
        found.extend(places.iter().map(|place| format!("result {place}")));
    }
    found
}

/// Of a `Status`, what is recorded.
fn refusal(status: &Value) -> Value {
    let mut shown = Map::new();
    for name in ["code", "reason", "message"] {
        shown.insert(name.to_owned(), status[name].clone());
    }
    if let Some(causes) = status["details"].get("causes") {
        shown.insert("causes".to_owned(), causes.clone());
    }
    Value::Object(shown)
}
