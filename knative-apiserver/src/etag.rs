//! Documents that clients keep while they stay the same.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use knative_core::http::Response;
use serde_json::Value;
use sha2::{Digest as _, Sha512};

use crate::reply;

/// A document that the client need not fetch again while it is the same.
pub(crate) fn cacheable(
    headers: &HeaderMap,
    content_type: &'static str,
    document: &Value,
) -> Response {
    let bytes = document.to_string().into_bytes();
    let tag = etag(&bytes);
    let mut response = if has_tag(headers, &tag) {
        reply::bytes_of(StatusCode::NOT_MODIFIED, content_type, "")
    } else {
        reply::bytes_of(StatusCode::OK, content_type, bytes)
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// Whether the client has this state of the document.
pub(crate) fn has_tag(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get(header::IF_NONE_MATCH)
        .and_then(|known| known.to_str().ok())
        .is_some_and(|known| known.split(',').any(|known| known.trim() == tag))
}

/// The tag of a document: its digest in quotes.
pub(crate) fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", digest(bytes))
}

/// The SHA-512 of a document in upper-case hexadecimal digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(128);
    for byte in Sha512::digest(bytes) {
        let written = write!(text, "{byte:02X}");
        debug_assert!(written.is_ok(), "a String takes all text");
    }
    text
}
