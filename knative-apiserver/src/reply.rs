//! Answers.

use std::collections::BTreeSet;

use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WARNING},
};
use knative_core::{
    http::{Body, Response},
    metrics::{self, Registry},
};
use serde::Serialize;

use crate::{negotiate::Format, status::Failure};

/// How many letters all warnings together may have; beyond that each is cut.
const WARNINGS_LIMIT: usize = 4096;
/// How many letters are left of each warning then.
const CUT_WARNING: usize = 256;

/// An answer with a value.
pub(crate) fn value<T: Serialize>(status: StatusCode, format: Format, value: &T) -> Response {
    let written = match format {
        Format::Json => serde_json::to_vec(value)
            .map_err(|error| error.to_string())
            .map(|bytes| ("application/json", bytes)),
        Format::Yaml => serde_saphyr::to_string(value)
            .map_err(|error| error.to_string())
            .map(|text| ("application/yaml", text.into_bytes())),
    };
    match written {
        Ok((content_type, bytes)) => bytes_of(status, content_type, bytes),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error),
    }
}

/// An answer with bytes.
pub(crate) fn bytes_of(
    status: StatusCode,
    content_type: &'static str,
    bytes: impl Into<Body>,
) -> Response {
    let mut response = Response::new(bytes.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

/// An answer with text.
pub(crate) fn text(status: StatusCode, text: impl Into<Body>) -> Response {
    bytes_of(status, "text/plain; charset=utf-8", text)
}

/// An answer with the numbers of now.
pub(crate) fn metrics(registry: &Registry) -> Response {
    bytes_of(StatusCode::OK, metrics::CONTENT_TYPE, registry.render())
}

/// The answer to a path that names nothing.
pub(crate) fn no_page() -> Response {
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// The answer that says why there is none.
pub(crate) fn failure(failure: Failure) -> Response {
    let (status, retry_after) = (failure.code(), failure.retry_after());
    let warnings = failure.warnings().to_vec();
    let mut response = value(status, Format::Json, &failure.into_status());
    warn(&mut response, &warnings);
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Adds warnings as headers, which `kubectl` prints. Each is told once; many long ones are cut as in Kubernetes, so that
/// the headers stay small.
pub(crate) fn warn(response: &mut Response, warnings: &[String]) {
    let total: usize = warnings.iter().map(String::len).sum();
    let limit = if total > WARNINGS_LIMIT {
        CUT_WARNING
    } else {
        WARNINGS_LIMIT
    };
    let (mut sent, mut told) = (0, BTreeSet::new());
    for warning in warnings.iter().filter(|warning| told.insert(*warning)) {
        let header = warning_header(warning, limit);
        sent += header.len();
        if sent > 2 * WARNINGS_LIMIT {
            break;
        }
        if let Ok(value) = HeaderValue::from_bytes(header.as_bytes()) {
            response.headers_mut().append(WARNING, value);
        }
    }
}

fn warning_header(warning: &str, limit: usize) -> String {
    let mut quoted = String::from("299 - \"");
    for c in warning.chars().take(limit) {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_quoted() {
        let mut response = no_page();
        warn(
            &mut response,
            &["unknown field \"spec.x\"".to_owned(), "a\nb\\".to_owned()],
        );
        let headers: Vec<_> = response.headers().get_all(WARNING).iter().collect();
        assert_eq!(
            headers,
            [r#"299 - "unknown field \"spec.x\"""#, r#"299 - "a b\\""#]
        );
    }

    #[test]
    fn long_warnings_are_cut_only_when_there_are_many() {
        let long = |letter: char| letter.to_string().repeat(390);
        let mut response = no_page();
        warn(&mut response, &[long('a'), long('a')]);
        let lengths = |response: &Response| -> Vec<usize> {
            let headers = response.headers().get_all(WARNING).iter();
            headers.map(HeaderValue::len).collect()
        };
        assert_eq!(lengths(&response), [390 + 8]);
        let mut response = no_page();
        let many: Vec<String> = ('a'..='t').map(long).collect();
        warn(&mut response, &many);
        assert_eq!(lengths(&response), [256 + 8; 20]);
    }
}
