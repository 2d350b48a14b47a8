//! Objects removed.

use std::sync::Arc;

use http::{StatusCode, header};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, StatusDetails};
use knative_core::{
    object::{Object, ObjectExt as _, ObjectKey},
    store::{DeleteOptions, Deleted, Preconditions, Propagation},
};
use serde_json::{Value, json};

use super::{Reply, list, show, writable};
use crate::{
    api::{Api, Call, is_pod},
    body::{self, Received},
    negotiate,
    query::propagation,
    reply,
    status::{Failure, forbidden_field, not_supported},
};

/// Removes the object that the path names.
pub(crate) async fn delete(api: &Api, call: &Call, body: Received) -> Reply {
    removable(call)?;
    let output = call.output()?;
    let options = options(api, call, body)?;
    let key = call.key()?;
    match remove(api, call, &key, &options).await? {
        Deleted::Finalizing(object) => show(api, call, StatusCode::OK, output, &object),
        deleted => {
            let gone = gone(call, deleted.object());
            Ok(reply::value(StatusCode::OK, output.format, &gone))
        }
    }
}

/// Removes all objects that the path and the selectors name.
pub(crate) async fn delete_collection(api: &Api, call: &Call, body: Received) -> Reply {
    removable(call)?;
    let output = call.output()?;
    let options = options(api, call, body)?;
    let listed = call
        .store
        .list(&call.group_kind(), &list::options(call)?)
        .await
        .map_err(|error| api.refused(&error))?;
    let mut removed = Vec::new();
    for object in &listed.items {
        let key = ObjectKey::new(call.group_kind(), object.namespace(), object.name());
        match remove(api, call, &key, &options).await {
            Ok(deleted) => removed.push(Arc::clone(deleted.object())),
            // Somebody else was quicker.
            Err(failure) if failure.code() == StatusCode::NOT_FOUND => {}
            Err(failure) => return Err(failure),
        }
    }
    let metadata = json!({"resourceVersion": listed.resource_version});
    Ok(list::whole(call, output, metadata, &removed))
}

/// Of what is derived from what runs, pods may be deleted.
fn removable(call: &Call) -> Result<(), Failure> {
    if is_pod(&call.kind) {
        return Ok(());
    }
    writable(call, "delete")
}

async fn remove(
    api: &Api,
    call: &Call,
    key: &ObjectKey,
    options: &DeleteOptions,
) -> Result<Deleted, Failure> {
    let deleted = call.store.delete(key, options).await;
    deleted.map_err(|error| api.refused(&error))
}

/// What is said of an object that is gone.
fn gone(call: &Call, object: &Object) -> Status {
    Status {
        status: Some("Success".to_owned()),
        details: Some(StatusDetails {
            name: object.metadata.name.clone(),
            group: Some(call.kind.group.clone()).filter(|group| !group.is_empty()),
            kind: Some(call.kind.plural.clone()),
            uid: object.metadata.uid.clone(),
            ..StatusDetails::default()
        }),
        ..Status::default()
    }
}

/// Options come in the body or, if there is none, in the query.
fn options(api: &Api, call: &Call, body: Received) -> Result<DeleteOptions, Failure> {
    let input = negotiate::input(call.header(header::CONTENT_TYPE), true);
    let bytes = body?;
    let given = if bytes.is_empty() {
        of_query(call)
    } else {
        body::document(&api.messages, input?, &bytes)?.value
    };
    parse(call, &given)
}

fn of_query(call: &Call) -> Value {
    let mut given = json!({});
    for name in ["propagationPolicy", "dryRun"] {
        if let Some(word) = call.query.get(name) {
            given[name] = json!(word);
        }
    }
    if let Some(orphan) = call.query.switch("orphanDependents") {
        given["orphanDependents"] = json!(orphan);
    }
    given
}

fn parse(call: &Call, given: &Value) -> Result<DeleteOptions, Failure> {
    let kind = given["kind"].as_str().unwrap_or("DeleteOptions");
    if kind != "DeleteOptions" || !given.is_object() {
        return Err(Failure::bad_request(format!(
            "{kind} cannot be handled as a DeleteOptions"
        )));
    }
    let mut options = DeleteOptions::default();
    options.user = call.user.clone();
    options.dry_run = dry_run(&given["dryRun"])?;
    options.propagation = propagate(given)?;
    let text = |field: &str| given["preconditions"][field].as_str().map(str::to_owned);
    options.preconditions = Preconditions {
        uid: text("uid"),
        resource_version: text("resourceVersion"),
    };
    Ok(options)
}

fn propagate(given: &Value) -> Result<Propagation, Failure> {
    let policy = given["propagationPolicy"]
        .as_str()
        .filter(|word| !word.is_empty());
    match (policy, given["orphanDependents"].as_bool()) {
        (Some(_), Some(_)) => Err(Failure::invalid_options(
            "DeleteOptions",
            vec![forbidden_field(
                "propagationPolicy",
                "orphanDependents and deletionPropagation cannot be both set",
            )],
        )),
        (Some(word), None) => propagation(word),
        (None, Some(true)) => Ok(Propagation::Orphan),
        (None, _) => Ok(Propagation::Background),
    }
}

fn dry_run(given: &Value) -> Result<bool, Failure> {
    let words: Vec<&str> = match given {
        Value::String(word) => vec![word],
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    match words.iter().find(|word| **word != "All") {
        Some(other) => Err(Failure::invalid_options(
            "DeleteOptions",
            vec![not_supported("dryRun", other, &["All"])],
        )),
        None => Ok(!words.is_empty()),
    }
}
