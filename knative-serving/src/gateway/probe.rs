//! Requests that ask for the gateway's health instead of a service. Pure.

use http::{HeaderMap, HeaderName, StatusCode, header::USER_AGENT};
use knative_core::http::Response;

use super::reply;

const NETWORK_PROBE: HeaderName = HeaderName::from_static("k-network-probe");
const NETWORK_HASH: HeaderName = HeaderName::from_static("k-network-hash");
const KUBELET_PROBE: HeaderName = HeaderName::from_static("k-kubelet-probe");
const KUBELET_AGENT: &[u8] = b"kube-probe/";

/// The answer to a probe; `None` for any other request. Probes reach no instance, wake none and are not counted as load.
pub(super) fn answer(headers: &HeaderMap) -> Option<Response> {
    if let Some(asked) = headers.get(NETWORK_PROBE) {
        return Some(network(asked.to_str().unwrap_or_default(), headers));
    }
    let agent = headers.get(USER_AGENT);
    let kubelet = agent.is_some_and(|agent| agent.as_bytes().starts_with(KUBELET_AGENT));
    (kubelet || headers.contains_key(KUBELET_PROBE)).then(Response::default)
}

/// Each part of Knative's data path answers by its own name; here they are one.
fn network(asked: &str, headers: &HeaderMap) -> Response {
    match asked {
        "probe" => {
            let mut response = Response::default();
            if let Some(hash) = headers.get(NETWORK_HASH) {
                response.headers_mut().insert(NETWORK_HASH, hash.clone());
            }
            response
        }
        "activator" => reply::probe(StatusCode::OK, "activator"),
        "queue" => reply::probe(StatusCode::OK, "queue"),
        other => {
            let message = format!("unexpected probe header value: {other:?}\n");
            reply::probe(StatusCode::BAD_REQUEST, message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(name: &'static str, value: &str) -> Option<u16> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        answer(&headers).map(|response| response.status().as_u16())
    }

    #[test]
    fn probes_are_answered_here() {
        assert_eq!(status("k-network-probe", "probe"), Some(200));
        assert_eq!(status("k-network-probe", "activator"), Some(200));
        assert_eq!(status("k-network-probe", "other"), Some(400));
        assert_eq!(status("user-agent", "kube-probe/1.34"), Some(200));
        assert_eq!(status("k-kubelet-probe", "x"), Some(200));
        assert_eq!(status("user-agent", "curl/8"), None);
    }

    #[test]
    fn an_ingress_probe_gets_its_hash_back() {
        let mut headers = HeaderMap::new();
        headers.insert(NETWORK_PROBE, "probe".parse().unwrap());
        headers.insert(NETWORK_HASH, "abc".parse().unwrap());
        let response = answer(&headers).unwrap();
        assert_eq!(response.headers()[NETWORK_HASH], "abc");
    }
}
