//! One object.

use http::StatusCode;

use super::{Reply, show};
use crate::api::{Api, Call};

/// Answers with the object that the path names.
pub(crate) async fn get(api: &Api, call: &Call) -> Reply {
    let output = call.output()?;
    let object = call.store.get(&call.key()?).await;
    let object = object.map_err(|error| api.refused(&error))?;
    show(api, call, StatusCode::OK, output, &object)
}
