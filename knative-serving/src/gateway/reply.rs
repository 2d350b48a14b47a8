//! What the gateway answers by itself.

use http::{HeaderValue, StatusCode, header};
use knative_core::http::{Body, Response};

/// Seconds after which a client that was turned away may try again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

fn text(status: StatusCode, message: impl Into<Body>) -> Response {
    let mut response = Response::new(message.into());
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

fn later(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}

/// The request names no host.
pub(super) fn no_host() -> Response {
    text(StatusCode::BAD_REQUEST, "the request names no host\n")
}

/// Nothing is served at that host and path.
pub(super) fn not_found() -> Response {
    text(
        StatusCode::NOT_FOUND,
        "no service is known by this host and path\n",
    )
}

/// A route leads to a revision that is not there.
pub(super) fn no_revision() -> Response {
    later(text(
        StatusCode::SERVICE_UNAVAILABLE,
        "the revision is not served here\n",
    ))
}

/// What instances run on does not answer.
pub(super) fn outage() -> Response {
    later(text(
        StatusCode::SERVICE_UNAVAILABLE,
        "no instance can be started at present\n",
    ))
}

/// Too many requests wait. The text is the activator's.
pub(super) fn overload() -> Response {
    later(text(
        StatusCode::SERVICE_UNAVAILABLE,
        "pending request queue full\n",
    ))
}

/// No instance took the request in time. The text is the activator's.
pub(super) fn not_woken() -> Response {
    text(StatusCode::GATEWAY_TIMEOUT, "activator request timeout")
}

/// The instance did not answer in time. The text is the queue-proxy's.
pub(super) fn not_answered() -> Response {
    text(StatusCode::GATEWAY_TIMEOUT, "request timeout")
}

/// The instance broke the connection or could not be reached.
pub(super) fn broken(error: &dyn std::error::Error) -> Response {
    let message = format!("the instance did not answer: {error}\n");
    text(StatusCode::BAD_GATEWAY, message)
}

/// A probe's answer.
pub(super) fn probe(status: StatusCode, message: impl Into<Body>) -> Response {
    text(status, message)
}

/// The instance could not be connected to.
pub(super) fn unreachable() -> Response {
    text(
        StatusCode::BAD_GATEWAY,
        "the instance does not accept connections\n",
    )
}

/// The instance switched to a protocol that nobody asked for.
pub(super) fn unasked_switch() -> Response {
    text(
        StatusCode::BAD_GATEWAY,
        "the instance switched protocols unasked\n",
    )
}

/// The gateway is no forward proxy.
pub(super) fn no_tunnels() -> Response {
    text(
        StatusCode::METHOD_NOT_ALLOWED,
        "CONNECT is not served here\n",
    )
}

/// The client left in the middle of its request, so nobody reads this.
pub(super) fn incomplete() -> Response {
    text(StatusCode::BAD_REQUEST, "the request's body ended early\n")
}
