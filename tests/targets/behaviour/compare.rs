//! Differences between what was recorded and what is.

use serde_json::Value;

/// Every difference, one line each, below `path`.
pub(crate) fn differences(path: &str, want: &Value, got: &Value, found: &mut Vec<String>) {
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => {
            let names: std::collections::BTreeSet<&String> =
                want.keys().chain(got.keys()).collect();
            for name in names {
                let none = &Value::Null;
                let (want, got) = (
                    want.get(name).unwrap_or(none),
                    got.get(name).unwrap_or(none),
                );
                differences(&format!("{path}.{name}"), want, got, found);
            }
        }
        (Value::Array(want), Value::Array(got)) if want.len() == got.len() => {
            for (index, (want, got)) in want.iter().zip(got).enumerate() {
                differences(&format!("{path}[{index}]"), want, got, found);
            }
        }
        (want, got) if want != got => found.push(format!("{path}: want {want}, got {got}")),
        _ => {}
    }
}
