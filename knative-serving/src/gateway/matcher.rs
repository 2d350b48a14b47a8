//! Hosts of requests. Pure.

use std::borrow::Cow;

use http::{HeaderMap, Uri, header::HOST};

/// The host that a request names: its authority (HTTP/2, proxies) before its `Host` header.
pub(super) fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    if let Some(authority) = uri.authority() {
        return Some(authority.as_str());
    }
    headers.get(HOST)?.to_str().ok()
}

/// A host as tables know it: without port, without a root dot, in lower case.
pub(super) fn normalize(host: &str) -> Cow<'_, str> {
    let host = without_port(host);
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(host.to_ascii_lowercase());
    }
    Cow::Borrowed(host)
}

/// A port follows the last colon, unless that belongs to a bracketed address.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_compared_without_port_case_and_root_dot() {
        let rows = [
            ("hello.default.localhost", "hello.default.localhost"),
            ("Hello.Default.LOCALHOST:7080", "hello.default.localhost"),
            (
                "hello.default.svc.cluster.local.",
                "hello.default.svc.cluster.local",
            ),
            ("hello.default.:80", "hello.default"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("", ""),
        ];
        for (given, expected) in rows {
            assert_eq!(normalize(given), expected, "{given}");
        }
    }

    #[test]
    fn the_authority_goes_before_the_host_header() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "b".parse().unwrap());
        assert_eq!(
            host(&Uri::from_static("http://a:1/"), &headers),
            Some("a:1")
        );
        assert_eq!(host(&Uri::from_static("/x"), &headers), Some("b"));
        assert_eq!(host(&Uri::from_static("/x"), &HeaderMap::new()), None);
    }
}
