//! How Kubernetes reports that JSON does not fit one of its own types: in the words of Go's JSON decoder.

use serde_json::Value;

use crate::{Kind, schema::Violation};

/// The text of Go's `json.UnmarshalTypeError`.
pub(super) fn mismatch(kind: &Kind, violation: &Violation) -> String {
    let (field, wanted) = locate(kind, &violation.path);
    let got = got(&violation.message);
    format!("json: cannot unmarshal {got} into Go struct field {field} of type {wanted}")
}

/// The struct and the path of the field, without indices and keys of maps, and its Go type.
fn locate(kind: &Kind, path: &str) -> (String, String) {
    let document = kind.schema.to_value();
    let mut shape = &document;
    let mut owner = kind.kind.clone();
    let mut fields = Vec::new();
    let mut parts = path.split('.').peekable();
    while let Some(part) = parts.next() {
        let (name, indexed) = part
            .split_once('[')
            .map_or((part, false), |(name, _)| (name, true));
        let member = &shape["properties"][name];
        if member.is_null() {
            shape = &shape["additionalProperties"];
            continue;
        }
        fields.push(name);
        shape = if indexed { &member["items"] } else { member };
        if shape["properties"].is_object() && parts.peek().is_some() {
            owner = struct_of(kind, name);
        }
    }
    // Of a custom resource the metadata alone is decoded.
    if path.starts_with("metadata.") && kind.group.contains('.') {
        fields.remove(0);
    }
    let wanted = go_type(kind, shape, fields.last().copied().unwrap_or_default());
    (format!("{owner}.{}", fields.join(".")), wanted)
}

/// The Go struct of a field that holds an object, as Kubernetes mostly names them.
fn struct_of(kind: &Kind, field: &str) -> String {
    if field == "metadata" {
        return "ObjectMeta".to_owned();
    }
    let one = field
        .strip_suffix('s')
        .filter(|one| !one.ends_with(['s', 'u']));
    format!("{}{}", kind.kind, capitalized(one.unwrap_or(field)))
}

fn go_type(kind: &Kind, shape: &Value, field: &str) -> String {
    match shape["type"].as_str() {
        Some("boolean") => "bool".to_owned(),
        Some("integer") => shape["format"].as_str().unwrap_or("int32").to_owned(),
        Some("number") => "float64".to_owned(),
        Some("array") => format!("[]{}", go_type(kind, &shape["items"], field)),
        Some("object") if shape["additionalProperties"].is_object() => {
            format!(
                "map[string]{}",
                go_type(kind, &shape["additionalProperties"], field)
            )
        }
        Some("object") => format!("v1.{}", struct_of(kind, field)),
        _ => "string".to_owned(),
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// What Go calls the JSON that was found; a violation ends with its type in quotes.
fn got(message: &str) -> &'static str {
    match message.rsplit('"').nth(1) {
        Some("string") => "string",
        Some("boolean") => "bool",
        Some("array") => "array",
        Some("object") => "object",
        _ => "number",
    }
}
