//! Bodies of requests.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use knative_core::http::Body;

use crate::{
    document::Document,
    negotiate::Input,
    protobuf::{self, Messages},
    status::Failure,
};

/// How many bytes a body may have; the API server's limit.
const LIMIT: usize = 3 * 1024 * 1024;
/// How much of a larger body is read and dropped, so that a client which writes before it reads sees the answer.
const DRAINED: usize = 16 * LIMIT;

/// How long a body may take to arrive; the API server's limit for requests.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A request's body, or why it could not be read.
pub(crate) type Received = Result<Bytes, Failure>;

/// All of a body, if it arrives in time.
pub(crate) async fn read_in_time(body: Body, keep: bool) -> Received {
    let read = tokio::time::timeout(TIMEOUT, read(body, keep)).await;
    read.unwrap_or_else(|_| Err(Failure::too_slow()))
}

/// All of a body, if it is not too large. A body is always read, whatever the answer will be: clients of HTTP/2 take an
/// answer that comes before they have written all for a broken stream. Of strangers nothing is kept.
async fn read(mut body: Body, keep: bool) -> Received {
    let (mut kept, mut seen) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Failure::bad_request(format!("unable to read the request's body: {error}"))
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        seen += data.len();
        if keep && seen <= LIMIT {
            kept.extend_from_slice(&data);
        } else if seen > DRAINED {
            break;
        } else {
            kept.clear();
        }
    }
    if seen > LIMIT {
        return Err(too_large());
    }
    Ok(kept.freeze())
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
