//! Fact 2: Go clients write Kubernetes' own kinds in protobuf and do not fall back.

use http::Method;
use serde_json::json;

use crate::harness::Harness;

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

fn part(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).expect("parts of the tests are short");
    assert!(length < 0x80, "parts of the tests are short");
    [&[number << 3 | 2, length], bytes].concat()
}

/// What a Go client sends for an object of this name.
fn body(api_version: &str, kind: &str, object: &[u8]) -> Vec<u8> {
    let types = [part(1, api_version.as_bytes()), part(2, kind.as_bytes())].concat();
    [
        b"k8s\0".to_vec(),
        part(1, &types),
        part(2, object),
        part(3, b""),
        part(4, b""),
    ]
    .concat()
}

fn metadata(name: &str) -> Vec<u8> {
    part(
        1,
        &[
            part(1, name.as_bytes()),
            part(2, b""),
            part(3, b""),
            part(8, b""),
        ]
        .concat(),
    )
}

#[tokio::test]
async fn core_kinds_are_created_from_protobuf() {
    let api = Harness::new();
    let namespace = [metadata("x"), part(2, b""), part(3, &part(1, b""))].concat();
    let created = api
        .write_as(
            Method::POST,
            "/api/v1/namespaces",
            PROTOBUF,
            body("v1", "Namespace", &namespace),
        )
        .await;
    let created = created.expect(201);
    assert_eq!(created.header("content-type"), "application/json");
    assert_eq!(created.json()["metadata"]["name"], "x");

    let entry = [part(1, b"key"), part(2, b"value")].concat();
    let secret = [metadata("s"), part(2, &entry), part(3, b"Opaque")].concat();
    let path = "/api/v1/namespaces/x/secrets?fieldManager=kubectl-create&fieldValidation=Strict";
    let secret = api
        .write_as(Method::POST, path, PROTOBUF, body("v1", "Secret", &secret))
        .await;
    assert_eq!(
        secret.expect(201).json()["data"],
        json!({"key": "dmFsdWU="})
    );

    let review = [part(1, b""), part(2, &part(1, &part(2, b"get")))].concat();
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let review = body(
        "authorization.k8s.io/v1",
        "SelfSubjectAccessReview",
        &review,
    );
    let review = api.write_as(Method::POST, path, PROTOBUF, review).await;
    assert_eq!(
        review.expect(201).json()["status"],
        json!({"allowed": true})
    );

    let options = part(4, b"Foreground");
    let path = "/api/v1/namespaces/x/secrets/s";
    let gone = api
        .write_as(
            Method::DELETE,
            path,
            PROTOBUF,
            body("v1", "DeleteOptions", &options),
        )
        .await;
    gone.expect(200);
    let answer = api
        .write_as(Method::POST, "/api/v1/namespaces", PROTOBUF, "{}")
        .await;
    answer.refusal(400, "BadRequest");
}

#[tokio::test]
async fn answers_are_json_where_both_are_taken() {
    let api = Harness::new();
    let accept = "application/vnd.kubernetes.protobuf,application/json";
    let list = api.get_as("/api/v1/namespaces", accept).await.expect(200);
    assert_eq!(list.header("content-type"), "application/json");
    assert_eq!(list.json()["kind"], "NamespaceList");
}
