//! Objects changed in part.

use http::{StatusCode, header};
use knative_core::{
    object::quote,
    store::{FieldValidation, StoreError, WriteOptions, Written},
};
use serde_json::{Value, json};

use super::{Reply, writable, written};
use crate::{
    api::{Api, Call, to_value},
    body::Received,
    document::Document,
    ingest::{Ingested, ingest},
    patch::Patch,
    status::{Failure, invalid_value},
};

/// How often a patch is tried anew when the object changes meanwhile; the API server's number.
const TRIES: usize = 5;

/// Changes the object, or its status.
pub(crate) async fn patch(api: &Api, call: &Call, body: Received) -> Reply {
    writable(call, "patch")?;
    let agent = call.header(header::USER_AGENT);
    let options = call
        .query
        .write_options("PatchOptions", &call.user, agent)?;
    let content_type = call.header(header::CONTENT_TYPE).unwrap_or_default();
    let bytes = body?;
    let (patch, duplicates) = Patch::parse(content_type, call.is_builtin(), &bytes)?;
    let warnings = duplicate_fields(&duplicates, &options)?;
    let mut tries = 1;
    loop {
        let Attempt {
            result,
            pinned,
            warnings: more,
        } = attempt(api, call, &patch, &options).await?;
        if tries < TRIES && !pinned && result.as_ref().is_err_and(StoreError::is_conflict) {
            tries += 1;
            continue;
        }
        let warnings = [warnings, more].concat();
        return written(api, call, StatusCode::OK, warnings, result);
    }
}

/// One try on the object as it is now.
struct Attempt {
    result: Result<Written, StoreError>,
    /// Whether the patch demands a state of the object: then a conflict is the answer.
    pinned: bool,
    warnings: Vec<String>,
}

async fn attempt(
    api: &Api,
    call: &Call,
    patch: &Patch,
    options: &WriteOptions,
) -> Result<Attempt, Failure> {
    let stored = call.store.get(&call.key()?).await;
    let stored = to_value(&*stored.map_err(|error| api.refused(&error))?)?;
    let mut value = stored.clone();
    patch.apply(&mut value)?;
    let version = &stored["metadata"]["resourceVersion"];
    let given = &value["metadata"]["resourceVersion"];
    let pinned = given.as_str().is_some_and(|given| !given.is_empty()) && given != version;
    if !pinned && value["metadata"].is_object() {
        value["metadata"]["resourceVersion"] = version.clone();
    }
    let shown = value.to_string();
    let document = Document {
        value,
        duplicates: Vec::new(),
    };
    let Ingested { object, warnings } = ingest(call.place(), document, options.field_validation)
        .map_err(|failure| in_patch(failure, &shown))?;
    let result = if call.path.subresource.is_some() {
        call.store.update_status(object, options).await
    } else {
        call.store.update(object, options).await
    };
    Ok(Attempt {
        result,
        pinned,
        warnings,
    })
}

/// What does not decode is the patch's fault.
fn in_patch(failure: Failure, patched: &str) -> Failure {
    let message = failure.message();
    let Some(at) = message.find("strict decoding error: ") else {
        return failure;
    };
    let cause = invalid_value("patch", &quote(patched), &message[at..]);
    Failure::invalid("", "", "", vec![cause])
}

fn duplicate_fields(duplicates: &[String], options: &WriteOptions) -> Result<Vec<String>, Failure> {
    let findings: Vec<String> = duplicates
        .iter()
        .map(|path| format!("duplicate field {}", quote(path)))
        .collect();
    match options.field_validation {
        FieldValidation::Strict if !findings.is_empty() => {
            let why = format!("strict decoding error: {}", findings.join(", "));
            let cause = invalid_value("patch", &json!(Value::Null).to_string(), &why);
            Err(Failure::invalid("", "", "", vec![cause]))
        }
        FieldValidation::Warn => Ok(findings),
        _ => Ok(Vec::new()),
    }
}
