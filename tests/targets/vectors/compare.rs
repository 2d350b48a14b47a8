//! How recorded objects are compared: as JSON, after dropping what the wire format does not tell apart.

use libtest_mimic::Failed;
use serde_json::{Map, Value};

/// Fails with both sides unless they are equal after [`normalize`].
#[allow(dead_code, reason = "until every folder has its runner")]
pub(crate) fn same(what: &str, got: &Value, want: &Value) -> Result<(), Failed> {
    let (got, want) = (normalize(got), normalize(want));
    if got == want {
        return Ok(());
    }
    Err(format!("{what} differs\n got: {got:#}\nwant: {want:#}").into())
}

/// Drops null members, members `status`, `resources`, `metadata` and `spec` that are `{}`, and empty strings
/// outside of `annotations`, `labels` and `grpc.service`.
pub(crate) fn normalize(value: &Value) -> Value {
    normalize_in(value, "")
}

fn normalize_in(value: &Value, parent: &str) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, member)| (name.clone(), normalize_in(member, name)))
                .filter(|(name, member)| keep(parent, name, member))
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => items
            .iter()
            .map(|item| normalize_in(item, parent))
            .collect(),
        other => other.clone(),
    }
}

fn keep(parent: &str, name: &str, member: &Value) -> bool {
    match member {
        Value::Null => false,
        Value::Object(members) => {
            !(members.is_empty() && matches!(name, "status" | "resources" | "metadata" | "spec"))
        }
        Value::String(text) => {
            !text.is_empty()
                || matches!(parent, "annotations" | "labels")
                || (parent == "grpc" && name == "service")
        }
        _ => true,
    }
}
