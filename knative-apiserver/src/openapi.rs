//! The shapes of what is served: `kubectl` asks for them before it writes, and `kubectl explain` shows them.

use std::{collections::BTreeMap, sync::OnceLock};

use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use knative_core::{Kind, Kinds, http::Response};
use serde_json::{Map, Value, json};

use crate::{
    etag::{digest, has_tag},
    negotiate::Format,
    path::GroupVersion,
    query::Query,
    reply,
};

/// How long a document with its digest in the address may be kept; the API server's year.
const KEEP: SignedDuration = SignedDuration::from_hours(365 * 24);

#[derive(Debug)]
struct Document {
    bytes: bytes::Bytes,
    hash: String,
}

/// The media type of `OpenAPI` 2 in protobuf, the only form that clients ask for.
const OLD: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// `/openapi/v2`: a document that describes nothing. `kubectl` looks here for kinds that the other documents do not have,
/// and says that they are unknown only if there is a document at all.
pub(crate) fn old() -> Response {
    reply::bytes_of(StatusCode::OK, OLD, "")
}

/// The documents, one per group and version; each is made when it is first asked for.
#[derive(Debug)]
pub(crate) struct OpenApi {
    kinds: Kinds,
    documents: BTreeMap<GroupVersion, OnceLock<Document>>,
}

impl OpenApi {
    /// The shapes of `kinds`.
    pub(crate) fn new(kinds: &Kinds) -> Self {
        let versions = kinds
            .iter()
            .map(|kind| GroupVersion::new(&kind.group, &kind.version));
        Self {
            documents: versions.map(|at| (at, OnceLock::new())).collect(),
            kinds: kinds.clone(),
        }
    }

    /// `/openapi/v3`.
    pub(crate) fn root(&self) -> Response {
        let mut paths = Map::new();
        for at in self.documents.keys() {
            if let Some(document) = self.document(at) {
                let url = format!("/openapi/v3/{}?hash={}", at.path(), document.hash);
                paths.insert(at.path(), json!({"serverRelativeURL": url}));
            }
        }
        reply::value(StatusCode::OK, Format::Json, &json!({"paths": paths}))
    }

    /// `/openapi/v3/<group version>`.
    pub(crate) fn version(
        &self,
        at: &GroupVersion,
        query: &Query,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Option<Response> {
        let document = self.document(at)?;
        let asked = query.get("hash");
        if asked.is_some_and(|asked| asked != document.hash) {
            return Some(moved(at, document));
        }
        let tag = format!("\"{}\"", document.hash);
        let mut response = if has_tag(headers, &tag) {
            reply::bytes_of(StatusCode::NOT_MODIFIED, "application/json", "")
        } else {
            reply::bytes_of(StatusCode::OK, "application/json", document.bytes.clone())
        };
        keep(&mut response, &tag, asked.is_some(), now);
        Some(response)
    }

    fn document(&self, at: &GroupVersion) -> Option<&Document> {
        let document = self.documents.get(at)?;
        Some(document.get_or_init(|| {
            let bytes = self.write(at).to_string().into_bytes();
            Document {
                hash: digest(&bytes),
                bytes: bytes.into(),
            }
        }))
    }

    fn write(&self, at: &GroupVersion) -> Value {
        let (mut paths, mut schemas) = (Map::new(), Map::new());
        let kinds = self.kinds.iter();
        for kind in kinds.filter(|kind| kind.group == at.group && kind.version == at.version) {
            let name = schema_name(kind);
            paths.insert(path(at, kind), item(kind, &name));
            schemas.insert(name, schema(kind));
        }
        json!({
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": crate::version::GIT_VERSION},
            "paths": paths,
            "components": {"schemas": schemas},
        })
    }
}

fn moved(at: &GroupVersion, document: &Document) -> Response {
    let mut response = reply::text(StatusCode::MOVED_PERMANENTLY, "");
    let url = format!("/openapi/v3/{}?hash={}", at.path(), document.hash);
    if let Ok(url) = HeaderValue::from_str(&url) {
        response.headers_mut().insert(header::LOCATION, url);
    }
    response
}

/// A document whose address holds its digest never changes.
fn keep(response: &mut Response, tag: &str, immutable: bool, now: Timestamp) {
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    if immutable {
        let control = HeaderValue::from_static("public, immutable");
        headers.insert(header::CACHE_CONTROL, control);
        let until = now.saturating_add(KEEP).unwrap_or(Timestamp::MAX);
        let until = until.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(until) = HeaderValue::from_str(&until) {
            headers.insert(header::EXPIRES, until);
        }
    }
}

fn path(at: &GroupVersion, kind: &Kind) -> String {
    let namespace = if kind.is_namespaced() {
        "namespaces/{namespace}/"
    } else {
        ""
    };
    format!("/{}/{namespace}{}/{{name}}", at.path(), kind.plural)
}

/// The name of a kind's schema: its group backwards, version and kind.
fn schema_name(kind: &Kind) -> String {
    if kind.group.is_empty() {
        return format!("io.k8s.api.core.{}.{}", kind.version, kind.kind);
    }
    let mut parts: Vec<&str> = kind.group.split('.').rev().collect();
    if !kind.group.contains('.') {
        parts = vec!["io", "k8s", "api", &kind.group];
    }
    format!("{}.{}.{}", parts.join("."), kind.version, kind.kind)
}

fn item(kind: &Kind, schema: &str) -> Value {
    let reference = json!({"$ref": format!("#/components/schemas/{schema}")});
    let answer = json!({"200": {
        "description": "OK",
        "content": {"application/json": {"schema": reference}},
    }});
    let parameter = |name: &str| {
        json!({
            "name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true},
        })
    };
    let parameters = ["dryRun", "fieldManager", "fieldValidation"].map(parameter);
    json!({
        "get": {
            "x-kubernetes-action": "get",
            "x-kubernetes-group-version-kind": identity(kind),
            "responses": answer,
        },
        "patch": {
            "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": identity(kind),
            "parameters": parameters,
            "responses": answer,
        },
    })
}

fn schema(kind: &Kind) -> Value {
    let mut schema = kind.schema.to_value();
    if let Value::Object(fields) = &mut schema {
        fields.insert(
            "x-kubernetes-group-version-kind".to_owned(),
            json!([identity(kind)]),
        );
    }
    schema
}

fn identity(kind: &Kind) -> Value {
    json!({"group": kind.group, "version": kind.version, "kind": kind.kind})
}
