//! gRPC's health check, without a gRPC library: one unary call whose messages have one field each.

use std::{
    io,
    sync::{Arc, Weak},
};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, Method, Version, header};
use http_body_util::{BodyExt as _, Collected, Limited};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::check::{CheckError, USER_AGENT};
use crate::http::{Body, Dial, Endpoint, Request};

/// The method, as a URL: without TLS HTTP/2 still wants a scheme and an authority.
const METHOD: &str = "http://localhost/grpc.health.v1.Health/Check";
/// How many bytes an answer may have.
const LIMIT: usize = 4096;
/// The tag of a message's first field, a string.
const FIRST_STRING: u8 = 0x0a;
/// The tag of a message's first field, a number.
const FIRST_NUMBER: u64 = 0x08;
/// gRPC's status of a call that went well.
const OK: u32 = 0;
/// What gRPC assumes where a server gives no status.
const UNKNOWN: u32 = 2;
/// The status of a method that a server does not have.
const UNIMPLEMENTED: u32 = 12;

/// What a server says of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HealthStatus {
    /// It does not know yet.
    Unknown,
    /// It takes calls.
    Serving,
    /// It takes none.
    NotServing,
    /// There is no such service.
    ServiceUnknown,
}

impl HealthStatus {
    /// The protocol's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Serving => "SERVING",
            Self::NotServing => "NOT_SERVING",
            Self::ServiceUnknown => "SERVICE_UNKNOWN",
        }
    }
}

/// Asks for the health of `service`.
pub(super) async fn check(
    dial: &dyn Dial,
    endpoint: &Endpoint,
    service: &str,
) -> Result<HealthStatus, CheckError> {
    let request = request(service)?;
    if let Endpoint::Service(inner) = endpoint {
        let Ok(response) = inner.clone().oneshot(request).await;
        return answer(response).await;
    }
    let connection = dial.dial(endpoint).await.map_err(CheckError::Connection)?;
    let tasks = Arc::default();
    let executor = Executor(Arc::downgrade(&tasks));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, TokioIo::new(connection))
            .await
            .map_err(not_http)?;
    let call = async {
        let response = sender.send_request(request).await.map_err(not_http)?;
        answer(response.map(Body::new)).await
    };
    tokio::select! {
        biased;
        status = call => status,
        closed = connection => Err(closed.map_or_else(not_http, |()| {
            CheckError::Connection(io::ErrorKind::ConnectionAborted.into())
        })),
    }
}

fn request(service: &str) -> Result<Request, CheckError> {
    http::Request::builder()
        .method(Method::POST)
        .version(Version::HTTP_2)
        .uri(METHOD)
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .header(header::USER_AGENT, USER_AGENT)
        .body(Body::from(message(service)))
        .map_err(|error| CheckError::Malformed(error.to_string()))
}

/// A `HealthCheckRequest` with its prefix: not compressed, and its length.
fn message(service: &str) -> Bytes {
    let mut fields = BytesMut::new();
    if !service.is_empty() {
        fields.put_u8(FIRST_STRING);
        put_varint(&mut fields, service.len());
        fields.put_slice(service.as_bytes());
    }
    let mut message = BytesMut::with_capacity(5 + fields.len());
    message.put_u8(0);
    message.put_u32(u32::try_from(fields.len()).unwrap_or(u32::MAX));
    message.put(fields);
    message.freeze()
}

fn put_varint(bytes: &mut BytesMut, mut number: usize) {
    while number >= 0x80 {
        bytes.put_u8(number.to_le_bytes()[0] | 0x80);
        number /= 0x80;
    }
    bytes.put_u8(number.to_le_bytes()[0]);
}

async fn answer(response: http::Response<Body>) -> Result<HealthStatus, CheckError> {
    let (parts, body) = response.into_parts();
    if !parts.status.is_success() {
        return Err(CheckError::Status(parts.status.as_u16()));
    }
    let body = Limited::new(body, LIMIT).collect().await;
    let body: Collected<Bytes> = body.map_err(CheckError::Http)?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    // A call that fails at once has its status in the headers.
    for headers in [&trailers, &parts.headers] {
        if let Some(code) = number(headers, "grpc-status") {
            return outcome(code, headers, body.to_bytes());
        }
    }
    outcome(UNKNOWN, &trailers, Bytes::new())
}

fn outcome(code: u32, headers: &HeaderMap, body: Bytes) -> Result<HealthStatus, CheckError> {
    match code {
        OK => status(body).ok_or_else(|| CheckError::Rpc {
            code: UNKNOWN,
            message: "the answer is not a HealthCheckResponse".to_owned(),
        }),
        UNIMPLEMENTED => Err(CheckError::Unimplemented),
        code => Err(CheckError::Rpc {
            code,
            message: text(headers, "grpc-message").unwrap_or_default().to_owned(),
        }),
    }
}

/// What a `HealthCheckResponse` with its prefix says.
fn status(mut body: Bytes) -> Option<HealthStatus> {
    let compressed = body.try_get_u8().ok()?;
    let length = usize::try_from(body.try_get_u32().ok()?).ok()?;
    if compressed != 0 || length != body.len() {
        return None;
    }
    // A field with its default is left out.
    if body.is_empty() {
        return Some(HealthStatus::Unknown);
    }
    if get_varint(&mut body)? != FIRST_NUMBER {
        return None;
    }
    match get_varint(&mut body)? {
        0 => Some(HealthStatus::Unknown),
        1 => Some(HealthStatus::Serving),
        2 => Some(HealthStatus::NotServing),
        3 => Some(HealthStatus::ServiceUnknown),
        _ => None,
    }
}

fn get_varint(bytes: &mut Bytes) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = bytes.try_get_u8().ok()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: &str) -> Option<u32> {
    text(headers, name)?.parse().ok()
}

fn not_http(error: hyper::Error) -> CheckError {
    CheckError::Http(Box::new(error))
}

/// Runs HTTP/2's tasks as long as the check that they belong to. Weak, because some of them hold it themselves.
#[derive(Clone)]
struct Executor(Weak<Mutex<JoinSet<()>>>);

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        if let Some(tasks) = self.0.upgrade() {
            tasks.lock().spawn(future);
        }
    }
}

#[cfg(test)]
mod tests;
