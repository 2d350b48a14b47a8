//! New objects.

use http::{StatusCode, header};

use super::{Reply, writable, written};
use crate::{
    api::{Api, Call},
    body::{self, Received},
    ingest::{Ingested, ingest},
    negotiate,
};

/// Adds the object in the body.
pub(crate) async fn create(api: &Api, call: &Call, body: Received) -> Reply {
    writable(call, "create")?;
    let agent = call.header(header::USER_AGENT);
    let options = call
        .query
        .write_options("CreateOptions", &call.user, agent)?;
    let input = negotiate::input(call.header(header::CONTENT_TYPE), call.is_builtin())?;
    let bytes = body?;
    let document = body::document(&api.messages, input, &bytes)?;
    let Ingested { object, warnings } = ingest(call.place(), document, options.field_validation)?;
    let result = call.store.create(object, &options).await;
    written(api, call, StatusCode::CREATED, warnings, result)
}
