//! What is answered to requests that make no sense: the texts that clients compare.

use std::convert::Infallible;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::Method;
use http_body::Frame;
use http_body_util::StreamBody;
use knative_core::http::{Body, Request};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::harness::{Harness, SERVICES, ksvc};

const MERGE: &str = "application/merge-patch+json";

#[tokio::test]
async fn texts() {
    let api = Harness::new();
    api.create(SERVICES, &ksvc("one")).await.expect(201);
    let path = format!("{SERVICES}/one");
    let missing = format!("{SERVICES}/x");
    let elsewhere = "/apis/serving.knative.dev/v1/namespaces/nowhere/services";

    let message = api.get(&missing).await.refusal(404, "NotFound");
    assert_eq!(message, "services.serving.knative.dev \"x\" not found");
    let message = api
        .create(SERVICES, &ksvc("one"))
        .await
        .refusal(409, "AlreadyExists");
    assert_eq!(
        message,
        "services.serving.knative.dev \"one\" already exists"
    );
    let message = api
        .create(elsewhere, &ksvc("one"))
        .await
        .refusal(404, "NotFound");
    assert_eq!(message, "namespaces \"nowhere\" not found");

    let mut stale = ksvc("one");
    stale["metadata"]["resourceVersion"] = json!("1");
    let message = api
        .write(Method::PUT, &path, &stale)
        .await
        .refusal(409, "Conflict");
    assert_eq!(
        message,
        "Operation cannot be fulfilled on services.serving.knative.dev \"one\": the object has been modified; please apply your changes to the latest version and try again"
    );
    let message = api
        .write(Method::PUT, &path, &ksvc("one"))
        .await
        .refusal(422, "Invalid");
    assert_eq!(
        message,
        "services.serving.knative.dev \"one\" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update"
    );

    let message = api
        .write(Method::PUT, &missing, &stale)
        .await
        .refusal(400, "BadRequest");
    assert_eq!(
        message,
        "the name of the object (one) does not match the name on the URL (x)"
    );
    let mut astray = ksvc("two");
    astray["metadata"]["namespace"] = json!("other");
    let message = api
        .create(SERVICES, &astray)
        .await
        .refusal(400, "BadRequest");
    assert_eq!(
        message,
        "the namespace of the provided object does not match the namespace sent on the request"
    );

    let mut route = ksvc("two");
    route["kind"] = json!("Route");
    let answer = api.create(SERVICES, &route).await;
    assert_eq!(
        answer.refusal(422, "Invalid"),
        "Service.serving.knative.dev \"two\" is invalid: kind: Invalid value: \"Route\": must be Service"
    );
    assert_eq!(answer.json()["details"]["causes"][0]["field"], "kind");
    api.create(SERVICES, &json!({"metadata": {"name": "x"}}))
        .await
        .refusal(400, "BadRequest");

    let failed = json!([{"op": "test", "path": "/metadata/name", "value": "two"}]);
    let answer = api
        .patch(&path, "application/json-patch+json", &failed)
        .await;
    assert_eq!(
        answer.refusal(422, "Invalid"),
        "the server rejected our request due to an error in our request"
    );
    assert_eq!(answer.json()["details"], json!({}));
    api.patch(&missing, MERGE, &json!({}))
        .await
        .refusal(404, "NotFound");
    api.write(Method::DELETE, &missing, &json!({}))
        .await
        .refusal(404, "NotFound");
    api.write(Method::POST, &path, &ksvc("one"))
        .await
        .refusal(405, "MethodNotAllowed");
    api.write(Method::PUT, SERVICES, &ksvc("one"))
        .await
        .refusal(405, "MethodNotAllowed");
}

#[tokio::test]
async fn media_types() {
    let api = Harness::new();
    api.create(SERVICES, &ksvc("one")).await.expect(201);
    let path = format!("{SERVICES}/one");
    let want = "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
    for content_type in [
        "application/apply-patch+yaml",
        "application/strategic-merge-patch+json",
    ] {
        let message = api
            .patch(&path, content_type, &json!({}))
            .await
            .refusal(415, "UnsupportedMediaType");
        assert_eq!(message, want);
    }
    for content_type in [
        "text/plain",
        "application/vnd.kubernetes.protobuf",
        "application/cbor",
    ] {
        let answer = api
            .write_as(Method::POST, SERVICES, content_type, "x")
            .await;
        answer.refusal(415, "UnsupportedMediaType");
    }
    api.get_as(&path, "text/html")
        .await
        .refusal(406, "NotAcceptable");
    api.get_as(&path, "application/vnd.kubernetes.protobuf")
        .await
        .refusal(406, "NotAcceptable");
}

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let api = Harness::new();
    let deep = format!("{{\"spec\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        "",
        "{",
        "[]",
        "\"x\"",
        "null",
        "{} {}",
        "\u{0}",
        deep.as_str(),
    ] {
        let answer = api
            .write_as(Method::POST, SERVICES, "application/json", body.to_owned())
            .await;
        answer.refusal(400, "BadRequest");
    }
    for body in ["a: [", "a: b: c", "&a [*a, *a", deep.as_str()] {
        let answer = api
            .write_as(Method::POST, SERVICES, "application/yaml", body.to_owned())
            .await;
        answer.refusal(400, "BadRequest");
    }
    for metadata in [json!([]), json!({"labels": {"a": 1}}), json!({"name": 7})] {
        let mut service = ksvc("x");
        service["metadata"] = metadata;
        let answer = api.create(SERVICES, &service).await;
        assert!(answer.status.is_client_error(), "{}", answer.text());
    }
    let large = Value::String("x".repeat(3 * 1024 * 1024)).to_string();
    let answer = api
        .write_as(Method::POST, SERVICES, "application/json", large)
        .await;
    assert_eq!(
        answer.refusal(413, "RequestEntityTooLarge"),
        "Request entity too large: limit is 3145728"
    );
}

/// A request whose body never ends.
fn endless() -> Request {
    let begun = Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"{")));
    let body = StreamBody::new(stream::iter([begun]).chain(stream::pending()));
    let request = http::Request::builder().method(Method::POST).uri(SERVICES);
    request.body(Body::new(body)).expect("a request")
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_end_is_given_up() {
    let api = Harness::new();
    let began = tokio::time::Instant::now();
    let message = api.send(endless()).await.refusal(504, "Timeout");
    assert_eq!(
        message,
        "Timeout: request did not complete within the allotted timeout"
    );
    assert_eq!(began.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_drains_waits_for_no_body() {
    let api = Harness::new();
    let began = tokio::time::Instant::now();
    let (answer, ()) = futures::future::join(api.send(endless()), async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        api.server.end_watches();
    })
    .await;
    answer.refusal(503, "ServiceUnavailable");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(began.elapsed().as_secs(), 1);
    api.create(SERVICES, &ksvc("whole")).await.expect(201);
}

#[tokio::test]
async fn very_much_that_is_wrong_is_answered_soon_and_shortly() {
    let api = Harness::new();
    let mut service = ksvc("x");
    service["spec"]["template"]["spec"]["containers"] = json!(vec![1; 1_000_000]);
    let answer = api.create(SERVICES, &service).await;
    answer.refusal(422, "Invalid");
    assert!(answer.body.len() < 1_000_000, "{}", answer.body.len());
}

#[tokio::test]
async fn selectors_and_versions() {
    let api = Harness::new();
    let rows = [
        ("labelSelector=a%3D%3D%3Db", 400, "BadRequest"),
        ("labelSelector=%3D", 400, "BadRequest"),
        ("fieldSelector=spec.x%3Dy", 400, "BadRequest"),
        ("fieldSelector=nonsense", 400, "BadRequest"),
        ("limit=x", 400, "BadRequest"),
        ("resourceVersionMatch=NotOlderThan", 422, "Invalid"),
        (
            "resourceVersionMatch=Newest&resourceVersion=1",
            422,
            "Invalid",
        ),
        ("sendInitialEvents=true", 422, "Invalid"),
        ("resourceVersion=999999999", 504, "Timeout"),
        ("watch=true&sendInitialEvents=true", 422, "Invalid"),
        (
            "watch=true&resourceVersionMatch=NotOlderThan",
            422,
            "Invalid",
        ),
    ];
    for (query, code, reason) in rows {
        let answer = api.get(&format!("{SERVICES}?{query}")).await;
        answer.refusal(code, reason);
    }
    let message = api
        .get(&format!("{SERVICES}?fieldSelector=spec.x%3Dy"))
        .await
        .refusal(400, "BadRequest");
    assert_eq!(message, "field label not supported: spec.x");
    let late = api
        .get(&format!("{SERVICES}?resourceVersion=999999999"))
        .await;
    assert_eq!(late.header("retry-after"), "1");
    assert_eq!(
        late.json()["details"]["causes"][0]["reason"],
        "ResourceVersionTooLarge"
    );
}

#[tokio::test]
async fn only_masters_act_as_others() {
    let api = Harness::new();
    let mut request = http::Request::builder()
        .uri("/version")
        .header("impersonate-user", "root")
        .body(Body::empty())
        .expect("a request");
    request
        .extensions_mut()
        .insert(knative_core::store::UserInfo::new("jane"));
    let Ok(response) = api.server.service().oneshot(request).await;
    assert_eq!(response.status().as_u16(), 403);
}
