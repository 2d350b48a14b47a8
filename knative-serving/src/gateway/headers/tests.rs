use http::Request;

use super::*;

/// Given headers, the chain of addresses and `Forwarded`.
type Row = (
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
);

fn parts(uri: &str, headers: &[(&'static str, &'static str)]) -> request::Parts {
    let mut request = Request::new(());
    *request.uri_mut() = uri.parse().unwrap();
    for (name, value) in headers {
        let value = HeaderValue::from_static(value);
        request
            .headers_mut()
            .append(HeaderName::from_static(name), value);
    }
    request.into_parts().0
}

fn prepared(headers: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut parts = parts("/", headers);
    prepare(&mut parts, None, &Peer::new([10, 0, 0, 9].into()));
    parts.headers
}

#[test]
fn an_instance_is_told_where_a_request_comes_from() {
    let rows: [Row; 4] = [
        (
            &[("host", "h:80")],
            "10.0.0.9",
            "for=10.0.0.9;host=h:80;proto=http",
        ),
        (
            &[
                ("host", "h"),
                ("x-forwarded-for", "1.1.1.1"),
                ("x-forwarded-proto", "https"),
            ],
            "1.1.1.1, 10.0.0.9",
            "for=1.1.1.1;host=h;proto=https, for=10.0.0.9",
        ),
        (
            &[
                ("host", "h"),
                ("x-forwarded-for", "::1"),
                ("x-forwarded-for", "2.2.2.2"),
            ],
            "::1, 2.2.2.2, 10.0.0.9",
            "for=\"[::1]\";host=h;proto=http, for=2.2.2.2, for=10.0.0.9",
        ),
        (
            &[("host", "h"), ("forwarded", "for=x")],
            "10.0.0.9",
            "for=x",
        ),
    ];
    for (given, chain, forwarded) in rows {
        let headers = prepared(given);
        assert_eq!(headers["x-forwarded-for"], chain, "{given:?}");
        assert_eq!(headers["forwarded"], forwarded, "{given:?}");
        assert_eq!(headers.get_all("x-forwarded-for").iter().count(), 1);
    }
}

#[test]
fn headers_of_one_connection_end_there() {
    let headers = prepared(&[
        ("host", "h"),
        ("connection", "keep-alive, X-Hop"),
        ("keep-alive", "5"),
        ("x-hop", "1"),
        ("te", "trailers, deflate"),
        ("transfer-encoding", "chunked"),
        ("content-length", "7"),
        ("proxy-authorization", "secret"),
        ("upgrade", "websocket"),
        ("knative-serving-namespace", "n"),
        ("authorization", "kept"),
    ]);
    let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    let mut left: Vec<_> = left
        .into_iter()
        .filter(|name| !name.contains("forwarded"))
        .collect();
    left.sort_unstable();
    assert_eq!(left, ["authorization", "host", "te"]);
    assert_eq!(headers["te"], "trailers");
}

#[test]
fn an_upgrade_is_passed_on_but_for_h2c() {
    let upgrade = |to| [("host", "h"), ("connection", "Upgrade, X"), ("upgrade", to)];
    let headers = prepared(&upgrade("websocket"));
    assert_eq!(
        (&headers["connection"], &headers["upgrade"]),
        (
            &HeaderValue::from_static("upgrade"),
            &HeaderValue::from_static("websocket")
        )
    );
    let headers = prepared(&upgrade("h2c"));
    assert!(!headers.contains_key("upgrade") && !headers.contains_key("connection"));
}

#[test]
fn a_rewritten_host_is_seen_with_the_original_beside_it() {
    let mut parts = parts("/", &[("host", "example.com")]);
    let host = HeaderValue::from_static("hello.default");
    prepare(&mut parts, Some(&host), &Peer::default());
    assert_eq!(parts.headers["host"], "hello.default");
    assert_eq!(parts.headers["k-original-host"], "example.com");
    assert_eq!(parts.headers["x-forwarded-host"], "example.com");
}

#[test]
fn the_target_has_the_form_of_its_protocol() {
    let mut request = parts("http://a:1/x?y", &[]);
    prepare(&mut request, None, &Peer::default());
    let mut http2 = request.clone();
    target(&mut request, Protocol::Http1);
    assert_eq!(
        (request.uri.to_string().as_str(), &request.headers["host"]),
        ("/x?y", &HeaderValue::from_static("a:1"))
    );
    target(&mut http2, Protocol::H2c);
    assert_eq!(http2.uri, "http://a:1/x?y");
    assert!(!http2.headers.contains_key("host"));
}
