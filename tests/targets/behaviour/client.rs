//! Calls of the API in process.

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use knative_apiserver::ApiServer;
use knative_core::{Kind, http::Body, store::UserInfo};
use libtest_mimic::Failed;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::scenario::How;

/// Who writes unless a step says otherwise.
const ADMIN: &str = "admin";

/// What the API answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status of HTTP.
    pub(crate) status: StatusCode,
    /// The texts of the warnings.
    pub(crate) warnings: Vec<String>,
    /// The body.
    pub(crate) body: Value,
}

/// A request to the API.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) content_type: &'static str,
    pub(crate) how: &'a How,
    pub(crate) body: Option<Value>,
}

/// Sends a request and reads the answer.
pub(crate) async fn send(api: &ApiServer, call: Call<'_>) -> Result<Answer, Failed> {
    let mut uri = call.path;
    let query = call.how.query.iter();
    for (index, (key, value)) in query.enumerate() {
        let separator = if index == 0 && !uri.contains('?') {
            '?'
        } else {
            '&'
        };
        uri = format!("{uri}{separator}{key}={value}");
    }
    let mut request = http::Request::builder()
        .method(call.method)
        .uri(uri)
        .header("content-type", call.content_type)
        .header("accept", "application/json");
    if let Some(user) = &call.how.user {
        request = request.header("impersonate-user", user);
    }
    let body = call
        .body
        .map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let mut request = request.body(body)?;
    let mut admin = UserInfo::new(ADMIN);
    admin.groups = vec!["system:masters".to_owned()];
    request.extensions_mut().insert(admin);
    let Ok(response) = api.service().oneshot(request).await;
    let (parts, body) = response.into_parts();
    let bytes: Bytes = body
        .collect()
        .await
        .map_err(|error| error.to_string())?
        .to_bytes();
    let warnings = parts.headers.get_all("warning").iter();
    Ok(Answer {
        status: parts.status,
        warnings: warnings
            .filter_map(|warning| warning.to_str().ok())
            .map(warning)
            .collect(),
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    })
}

/// Where objects of a kind are.
pub(crate) fn collection(kind: &Kind, namespace: &str) -> String {
    let root = if kind.group.is_empty() {
        format!("/api/{}", kind.version)
    } else {
        format!("/apis/{}/{}", kind.group, kind.version)
    };
    if kind.is_namespaced() {
        format!("{root}/namespaces/{namespace}/{}", kind.plural)
    } else {
        format!("{root}/{}", kind.plural)
    }
}

/// The text in `299 - "text"`.
fn warning(header: &str) -> String {
    let quoted = header.split_once('"').map_or("", |(_, rest)| rest);
    let quoted = quoted.strip_suffix('"').unwrap_or(quoted);
    let mut text = String::new();
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        text.extend(if letter == '\\' {
            letters.next()
        } else {
            Some(letter)
        });
    }
    text
}
