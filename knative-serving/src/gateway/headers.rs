//! What a request's and a response's headers become on their way. Pure.

use std::fmt::Write as _;

use http::{
    HeaderMap, HeaderName, HeaderValue, Uri, Version,
    header::{
        self, CONNECTION, CONTENT_LENGTH, FORWARDED, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    },
    request,
    uri::{Authority, PathAndQuery, Scheme},
};

use super::{Protocol, peer::Peer};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const ORIGINAL_HOST: HeaderName = HeaderName::from_static("k-original-host");
/// Names the revision to an activator.
const SERVING_REVISION: HeaderName = HeaderName::from_static("knative-serving-revision");
/// Names the revision's namespace to an activator.
const SERVING_NAMESPACE: HeaderName = HeaderName::from_static("knative-serving-namespace");

/// Whether a header tells an activator where to go; instances never see those.
pub(super) fn is_routing(name: &HeaderName) -> bool {
    *name == SERVING_REVISION || *name == SERVING_NAMESPACE
}

/// Whether a request asks for another protocol that is passed through. `h2c` is none (RFC 9113 §3.1): such a request is
/// answered over HTTP/1.1, as a server may.
pub(super) fn wants_upgrade(parts: &request::Parts) -> bool {
    let headers = &parts.headers;
    parts.version == Version::HTTP_11
        && headers.contains_key(UPGRADE)
        && lists(headers, &CONNECTION, "upgrade")
        && !lists(headers, &UPGRADE, "h2c")
}

/// Whether a list header contains a token.
fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|found| found.eq_ignore_ascii_case(token))
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(str::trim)
}

/// Takes away what is meant for one connection only (RFC 9110 §7.6.1). `upgrade` keeps what switches protocols.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap, upgrade: bool) {
    let switch = upgrade.then(|| headers.get(UPGRADE).cloned()).flatten();
    if headers.contains_key(CONNECTION) {
        strip_listed(headers);
    }
    for name in [KEEP_ALIVE, PROXY_CONNECTION, UPGRADE] {
        headers.remove(name);
    }
    if headers.remove(TRANSFER_ENCODING).is_some() {
        // It overrides a length, which must not reach anybody who believes it (RFC 9112 §6.1).
        headers.remove(CONTENT_LENGTH);
    }
    if let Some(switch) = switch {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, switch);
    }
}

fn strip_listed(headers: &mut HeaderMap) {
    let listed: Vec<HeaderName> = tokens(headers, &CONNECTION)
        .filter_map(|token| token.parse().ok())
        .collect();
    // Trailers are ours to announce again, as we pass them on.
    for name in listed
        .iter()
        .filter(|name| **name != TRAILER && **name != TE)
    {
        headers.remove(name);
    }
    headers.remove(CONNECTION);
}

/// Makes a request one that an instance gets: its host, its origin, its headers.
pub(super) fn prepare(parts: &mut request::Parts, host: Option<&HeaderValue>, peer: &Peer) {
    let upgrade = wants_upgrade(parts);
    let trailers = lists(&parts.headers, &TE, "trailers");
    let headers = &mut parts.headers;
    strip_hop_by_hop(headers, upgrade);
    headers.remove(TE);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    for name in [
        HTTP2_SETTINGS,
        header::PROXY_AUTHORIZATION,
        SERVING_REVISION,
        SERVING_NAMESPACE,
    ] {
        headers.remove(name);
    }
    set_host(parts, host);
    set_origin(&mut parts.headers, peer);
}

/// The host that an instance sees: the one that the client asked for, unless the route says otherwise.
fn set_host(parts: &mut request::Parts, rewritten: Option<&HeaderValue>) {
    let headers = &mut parts.headers;
    if let Some(authority) = parts.uri.authority()
        && let Ok(value) = HeaderValue::from_str(authority.as_str())
    {
        headers.insert(HOST, value);
    }
    let Some(asked) = headers.get(HOST).cloned() else {
        return;
    };
    if !headers.contains_key(FORWARDED_HOST) {
        headers.insert(FORWARDED_HOST, asked.clone());
    }
    if let Some(rewritten) = rewritten {
        headers.insert(ORIGINAL_HOST, asked);
        headers.insert(HOST, rewritten.clone());
    }
}

fn set_origin(headers: &mut HeaderMap, peer: &Peer) {
    let chain = match joined(headers, &FORWARDED_FOR) {
        None => peer.forwarded_for.clone(),
        Some(before) => {
            let own = peer.forwarded_for.to_str().unwrap_or_default();
            let chain = HeaderValue::try_from(format!("{before}, {own}"));
            chain.unwrap_or_else(|_| peer.forwarded_for.clone())
        }
    };
    headers.insert(FORWARDED_FOR, chain);
    if !headers.contains_key(FORWARDED_PROTO) {
        let scheme = if peer.scheme == Scheme::HTTPS {
            "https"
        } else {
            "http"
        };
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static(scheme));
    }
    if !headers.contains_key(FORWARDED)
        && let Some(forwarded) = forwarded(headers)
    {
        headers.insert(FORWARDED, forwarded);
    }
}

fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).into_iter();
    let mut text = values.next()?.to_str().ok()?.to_owned();
    for value in values {
        text.push_str(", ");
        text.push_str(value.to_str().ok()?);
    }
    Some(text)
}

/// `Forwarded` (RFC 7239) from the older headers: `for=a;host=h;proto=p, for=b`.
fn forwarded(headers: &HeaderMap) -> Option<HeaderValue> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let mut out = String::with_capacity(96);
    for (index, node) in text(FORWARDED_FOR)?.split(',').enumerate() {
        out.push_str(if index == 0 { "for=" } else { ", for=" });
        push_node(&mut out, node.trim());
        if index == 0 {
            for (key, name) in [(";host=", FORWARDED_HOST), (";proto=", FORWARDED_PROTO)] {
                if let Some(value) = text(name).filter(|value| !value.is_empty()) {
                    out.push_str(key);
                    out.push_str(value);
                }
            }
        }
    }
    HeaderValue::try_from(out).ok()
}

/// IPv6 addresses are bracketed and quoted (RFC 7239 §6).
fn push_node(out: &mut String, node: &str) {
    if node.contains(':') && !node.starts_with('[') && !node.starts_with('"') {
        // Writing to a string cannot fail.
        let _ = write!(out, "\"[{node}]\"");
    } else {
        out.push_str(node);
    }
}

/// Makes a request one of an instance's protocol.
pub(super) fn target(parts: &mut request::Parts, protocol: Protocol) {
    let path = parts.uri.path_and_query().cloned();
    let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
    match protocol {
        Protocol::Http1 => {
            parts.version = Version::HTTP_11;
            parts.uri = Uri::from(path);
        }
        Protocol::H2c => {
            parts.version = Version::HTTP_2;
            let mut uri = http::uri::Parts::default();
            uri.scheme = Some(Scheme::HTTP);
            uri.authority = Some(authority(&mut parts.headers));
            uri.path_and_query = Some(path);
            // All three parts are there, which is the one thing that can be wrong with them.
            parts.uri = Uri::from_parts(uri).unwrap_or_default();
        }
    }
}

/// Makes a request one for a server outside of the platform.
pub(super) fn target_outside(parts: &mut request::Parts) {
    if let Some(authority) = parts.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        parts.headers.insert(HOST, host);
    }
    target(parts, Protocol::Http1);
}

/// HTTP/2 has the host in its authority, and no switching of protocols.
fn authority(headers: &mut HeaderMap) -> Authority {
    strip_hop_by_hop(headers, false);
    let host = headers.remove(HOST);
    let authority = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    authority.unwrap_or_else(|| Authority::from_static("localhost"))
}

#[cfg(test)]
mod tests;
