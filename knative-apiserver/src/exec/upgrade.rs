//! From a request to a WebSocket.

use http::{
    HeaderMap, HeaderValue, Request,
    header::{SEC_WEBSOCKET_PROTOCOL, UPGRADE},
    request::Parts,
};
use hyper::upgrade::OnUpgrade;
use knative_core::http::{Body, Response};
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use crate::status::Failure;

/// What can be spoken, best first. They differ in that the former can end a command's input.
const PROTOCOLS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

/// The answer that switches to a WebSocket, and the connection once that was sent.
pub(super) fn accept(
    mut parts: Parts,
    headers: &HeaderMap,
) -> Result<(Response, OnUpgrade), Failure> {
    let asked = text(headers, UPGRADE);
    if asked.to_ascii_lowercase().starts_with("spdy/") {
        return Err(Failure::bad_request(format!(
            "{asked} is not spoken: use a client that upgrades to a WebSocket, as kubectl does from 1.30 on"
        )));
    }
    let upgraded = parts.extensions.remove::<OnUpgrade>();
    let Some(upgraded) = upgraded.filter(|_| !asked.is_empty()) else {
        return Err(Failure::bad_request("Upgrade request required"));
    };
    let protocol = protocol(headers)?;
    let mut request = Request::from_parts(parts, ());
    request.headers_mut().clone_from(headers);
    let mut answer = create_response_with_body(&request, Body::empty)
        .map_err(|error| Failure::bad_request(error.to_string()))?;
    let protocol = HeaderValue::from_static(protocol);
    answer
        .headers_mut()
        .insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    Ok((answer, upgraded))
}

fn protocol(headers: &HeaderMap) -> Result<&'static str, Failure> {
    let offered: Vec<&str> = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let spoken = PROTOCOLS.into_iter();
    let mut common = spoken.filter(|protocol| offered.contains(protocol));
    common.next().ok_or_else(|| {
        Failure::bad_request(format!(
            "unable to upgrade: unable to negotiate protocol: client supports {offered:?}, server accepts {PROTOCOLS:?}"
        ))
    })
}

fn text(headers: &HeaderMap, name: http::HeaderName) -> &str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}
