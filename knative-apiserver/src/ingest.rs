//! Bodies made objects: whether they are what the path says, and of their kind's shape.

use knative_core::{
    Kind,
    object::{Object, quote},
    store::{FieldValidation, codec::object_from_value},
};
use serde_json::{Map, Value, json};

use crate::{
    api::is_builtin,
    document::Document,
    status::{Failure, invalid_value},
};

/// Where an object belongs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// Its kind.
    pub(crate) kind: &'a Kind,
    /// The namespace in the path.
    pub(crate) namespace: Option<&'a str>,
    /// The name in the path.
    pub(crate) name: Option<&'a str>,
}

/// An object that may be written, and what its writer should know.
#[derive(Debug)]
pub(crate) struct Ingested {
    /// The object.
    pub(crate) object: Object,
    /// One sentence each.
    pub(crate) warnings: Vec<String>,
}

/// Checks a document against the path and makes it an object.
pub(crate) fn ingest(
    place: Place<'_>,
    document: Document,
    validation: FieldValidation,
) -> Result<Ingested, Failure> {
    let Value::Object(mut fields) = document.value else {
        return Err(cannot_be_handled(
            place.kind,
            "json: cannot unmarshal the body into an object",
        ));
    };
    check_types(place, &mut fields)?;
    check_metadata(place, &mut fields)?;
    let mut value = Value::Object(fields);
    let unknown = place.kind.schema.prune(&mut value);
    let duplicates = document.duplicates.iter();
    let findings: Vec<String> = duplicates
        .map(|path| format!("duplicate field {}", quote(path)))
        .chain(unknown.iter().map(ToString::to_string))
        .collect();
    if validation == FieldValidation::Strict && !findings.is_empty() {
        return Err(strict(place.kind, &findings));
    }
    let object = object_from_value(value)
        .map_err(|error| cannot_be_handled(place.kind, &error.to_string()))?;
    let warnings = if validation == FieldValidation::Warn {
        findings
    } else {
        Vec::new()
    };
    Ok(Ingested { object, warnings })
}

/// 400: the body is no object of its kind.
fn cannot_be_handled(kind: &Kind, why: &str) -> Failure {
    Failure::bad_request(format!(
        "{0} in version {1} cannot be handled as a {0}: {why}",
        kind.kind,
        quote(&kind.version),
    ))
}

fn strict(kind: &Kind, findings: &[String]) -> Failure {
    cannot_be_handled(
        kind,
        &format!("strict decoding error: {}", findings.join(", ")),
    )
}

/// The body must name the kind of the path; of Kubernetes' own kinds it may leave that open.
fn check_types(place: Place<'_>, fields: &mut Map<String, Value>) -> Result<(), Failure> {
    let kind = place.kind;
    let expected = [
        ("kind", kind.kind.clone()),
        ("apiVersion", kind.api_version()),
    ];
    for (field, expected) in expected {
        let given = fields
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default();
        if given == expected {
            continue;
        }
        if given.is_empty() && is_builtin(&kind.group) {
            fields.insert(field.to_owned(), json!(expected));
            continue;
        }
        if given.is_empty() {
            let title = if field == "kind" { "Kind" } else { field };
            let body = Value::Object(std::mem::take(fields));
            return Err(Failure::bad_request(format!(
                "Object '{title}' is missing in '{body}'"
            )));
        }
        if is_builtin(&kind.group) {
            return Err(unlike(kind, field, given, &expected));
        }
        let cause = invalid_value(field, &quote(given), &format!("must be {expected}"));
        let name = fields
            .get("metadata")
            .and_then(|metadata| metadata["name"].as_str());
        return Err(Failure::invalid(
            &kind.kind,
            &kind.group,
            name.unwrap_or_default(),
            vec![cause],
        ));
    }
    Ok(())
}

fn unlike(kind: &Kind, field: &str, given: &str, expected: &str) -> Failure {
    if field == "apiVersion" {
        return Failure::bad_request(format!(
            "the API version in the data ({given}) does not match the expected API version ({expected})"
        ));
    }
    Failure::bad_request(format!(
        "{given} in version {} cannot be handled as a {}: unknown conversion",
        quote(&kind.version),
        kind.kind,
    ))
}

fn check_metadata(place: Place<'_>, fields: &mut Map<String, Value>) -> Result<(), Failure> {
    let metadata = fields.entry("metadata").or_insert(Value::Null);
    if metadata.is_null() {
        *metadata = json!({});
    }
    let Value::Object(metadata) = metadata else {
        return Err(cannot_be_handled(
            place.kind,
            "json: cannot unmarshal metadata into an object",
        ));
    };
    // Who owns which field is kept for server-side apply only, which is not offered.
    metadata.remove("managedFields");
    check_namespace(place, metadata)?;
    check_name(place, metadata)
}

fn check_namespace(place: Place<'_>, metadata: &mut Map<String, Value>) -> Result<(), Failure> {
    let given = text(metadata, "namespace");
    match place.namespace {
        Some(namespace) if given.is_empty() => {
            metadata.insert("namespace".to_owned(), json!(namespace));
        }
        Some(namespace) if given != namespace => {
            return Err(Failure::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        Some(_) => {}
        None => {
            metadata.remove("namespace");
        }
    }
    Ok(())
}

fn check_name(place: Place<'_>, metadata: &Map<String, Value>) -> Result<(), Failure> {
    let Some(name) = place.name else {
        return Ok(());
    };
    let given = text(metadata, "name");
    if given.is_empty() {
        return Err(Failure::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )));
    }
    if given != name {
        return Err(Failure::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({name})"
        )));
    }
    Ok(())
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}
