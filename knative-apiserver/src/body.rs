//! Bodies of requests.

use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_LENGTH};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use knative_core::http::Body;

use crate::{
    document::Document,
    negotiate::Input,
    protobuf::{self, Messages},
    status::Failure,
};

/// How many bytes a body may have; the API server's limit.
const LIMIT: usize = 3 * 1024 * 1024;

/// All of a body, if it is not too large.
pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Failure> {
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > LIMIT) {
        return Err(too_large());
    }
    match Limited::new(body, LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => Err(Failure::bad_request(format!(
            "unable to read the request's body: {error}"
        ))),
    }
}

/// The object that a body holds.
pub(crate) fn document(
    messages: &Messages,
    input: Input,
    bytes: &[u8],
) -> Result<Document, Failure> {
    match input {
        Input::Json => Document::from_json(bytes).map_err(|error| unreadable("json", &error)),
        Input::Yaml => Document::from_yaml(bytes).map_err(|error| unreadable("yaml", &error)),
        Input::Protobuf => protobuf::decode(messages, bytes)
            .map(|value| Document {
                value,
                duplicates: Vec::new(),
            })
            .map_err(|error| Failure::bad_request(error.to_string())),
    }
}

fn unreadable(format: &str, error: &str) -> Failure {
    Failure::bad_request(format!(
        "the object provided is unrecognized (must be of type Object): couldn't get version/kind; {format} parse error: {error}"
    ))
}

fn too_large() -> Failure {
    Failure::too_large(format!("Request entity too large: limit is {LIMIT}"))
}
