//! Objects replaced.

use http::{StatusCode, header};

use super::{Reply, writable, written};
use crate::{
    api::{Api, Call},
    body::{self, Received},
    ingest::{Ingested, ingest},
    negotiate,
    status::{Failure, invalid_value},
};

/// Replaces the object, or its status.
pub(crate) async fn update(api: &Api, call: &Call, body: Received) -> Reply {
    writable(call, "update")?;
    let agent = call.header(header::USER_AGENT);
    let options = call
        .query
        .write_options("UpdateOptions", &call.user, agent)?;
    let input = negotiate::input(call.header(header::CONTENT_TYPE), call.is_builtin())?;
    let bytes = body?;
    let document = body::document(&api.messages, input, &bytes)?;
    let Ingested { object, warnings } = ingest(call.place(), document, options.field_validation)?;
    if !call.is_builtin()
        && object
            .metadata
            .resource_version
            .as_deref()
            .unwrap_or_default()
            .is_empty()
    {
        return Err(unconditional(call));
    }
    let result = if call.path.subresource.is_some() {
        call.store.update_status(object, &options).await
    } else {
        call.store.update(object, &options).await
    };
    written(api, call, StatusCode::OK, warnings, result)
}

/// Custom resources are replaced only by who read them; the error names the resource where others name the kind.
fn unconditional(call: &Call) -> Failure {
    let cause = invalid_value(
        "metadata.resourceVersion",
        "0x0",
        "must be specified for an update",
    );
    Failure::invalid(
        &call.kind.plural,
        &call.kind.group,
        call.path.name.as_deref().unwrap_or_default(),
        vec![cause],
    )
}
