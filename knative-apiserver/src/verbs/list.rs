//! Objects in pages.

use std::sync::Arc;

use http::StatusCode;
use knative_core::{
    Kind,
    object::{Object, quote},
    selector::FieldSelector,
    store::{Cause, ListOptions, ObjectList, VersionMatch},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Reply, printers};
use crate::{
    api::{Api, Call, to_value},
    negotiate::Shape,
    query::Query,
    reply,
    status::{Failure, forbidden_field, not_supported},
    table::metadata_only,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    kind: String,
    api_version: String,
    metadata: Value,
    items: &'a [Arc<Object>],
}

/// Answers with the objects that the path and the selectors name.
pub(crate) async fn list(api: &Api, call: &Call) -> Reply {
    let output = call.output()?;
    let page = call
        .store
        .list(&call.group_kind(), &options(call)?)
        .await
        .map_err(|error| api.refused(&error))?;
    let metadata = metadata(&page);
    let value = match output.shape {
        Shape::Whole => return Ok(whole(call, output, metadata, &page.items)),
        Shape::Metadata(version) => json!({
            "kind": "PartialObjectMetadataList",
            "apiVersion": format!("meta.k8s.io/{version}"),
            "metadata": metadata,
            "items": values(&page)?.iter().map(|object| metadata_only(object, version)).collect::<Vec<_>>(),
        }),
        Shape::Table(version) => {
            printers(call, version).table(&values(&page)?, &metadata, true, api.now())
        }
    };
    Ok(reply::value(StatusCode::OK, output.format, &value))
}

/// The answer that shows whole objects.
pub(super) fn whole(
    call: &Call,
    output: crate::negotiate::Output,
    metadata: Value,
    items: &[Arc<Object>],
) -> knative_core::http::Response {
    let list = List {
        kind: format!("{}List", call.kind.kind),
        api_version: call.kind.api_version(),
        metadata,
        items,
    };
    reply::value(StatusCode::OK, output.format, &list)
}

fn values(page: &ObjectList) -> Result<Vec<Value>, Failure> {
    page.items.iter().map(|object| to_value(object)).collect()
}

fn metadata(page: &ObjectList) -> Value {
    let mut metadata = json!({"resourceVersion": page.resource_version});
    if let Some(token) = &page.continue_token {
        metadata["continue"] = json!(token);
        if let Some(remaining) = page.remaining {
            metadata["remainingItemCount"] = json!(remaining);
        }
    }
    metadata
}

/// What to list, by path and query.
pub(super) fn options(call: &Call) -> Result<ListOptions, Failure> {
    let query = &call.query;
    check_versions(query)?;
    let mut options = ListOptions::default();
    options.namespace.clone_from(&call.path.namespace);
    options.labels = query.labels()?;
    options.fields = fields(query, &call.kind)?;
    options.limit = query.number("limit")?.filter(|limit| *limit > 0);
    options.continue_token = query.get("continue").map(str::to_owned);
    // "0" is any state, and the newest is one.
    options.resource_version = query
        .get("resourceVersion")
        .filter(|version| *version != "0")
        .map(str::to_owned);
    if query.get("resourceVersionMatch") == Some("Exact") {
        options.version_match = VersionMatch::Exact;
    }
    Ok(options)
}

/// The field selector, if it names fields that the kind can be selected by.
pub(super) fn fields(query: &Query, kind: &Kind) -> Result<FieldSelector, Failure> {
    let selector = query.fields()?;
    for requirement in selector.requirements() {
        let field = requirement.field.as_str();
        let known = matches!(field, "metadata.name" | "metadata.namespace")
            || kind.selectable_fields.iter().any(|known| known == field);
        if !known {
            return Err(Failure::bad_request(format!(
                "field label not supported: {field}"
            )));
        }
    }
    Ok(selector)
}

fn check_versions(query: &Query) -> Result<(), Failure> {
    let mut causes = Vec::new();
    let version = query.get("resourceVersion");
    if let Some(word) = query.get("resourceVersionMatch") {
        causes.extend(version_match(
            word,
            version,
            query.get("continue").is_some(),
        ));
    }
    if query.switch("sendInitialEvents").is_some() {
        causes.push(forbidden_field(
            "sendInitialEvents",
            "sendInitialEvents is forbidden for list",
        ));
    }
    refuse(causes)
}

fn version_match(word: &str, version: Option<&str>, continued: bool) -> Vec<Cause> {
    let field = "resourceVersionMatch";
    let mut causes = Vec::new();
    if version.is_none() {
        let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
        causes.push(forbidden_field(field, why));
    }
    if continued {
        let why = "resourceVersionMatch is forbidden when continue is provided";
        causes.push(forbidden_field(field, why));
    }
    if !matches!(word, "Exact" | "NotOlderThan") {
        causes.push(not_supported(field, word, &["Exact", "NotOlderThan"]));
    }
    if word == "Exact" && version == Some("0") {
        let why = format!(
            "resourceVersionMatch {} is forbidden for resourceVersion \"0\"",
            quote("exact")
        );
        causes.push(forbidden_field(field, &why));
    }
    causes
}

/// 422 about the options, if there is anything wrong with them.
pub(super) fn refuse(causes: Vec<Cause>) -> Result<(), Failure> {
    if causes.is_empty() {
        return Ok(());
    }
    Err(Failure::invalid_options("ListOptions", causes))
}
