//! What clients ask before they act.

use http::StatusCode;
use knative_core::http::Body;
use serde_json::json;
use tower::ServiceExt as _;

use crate::harness::Harness;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

#[tokio::test]
async fn aggregated_documents_are_cached_by_their_tag() {
    let api = Harness::new();
    let answer = api
        .get_as("/apis?timeout=32s", AGGREGATED)
        .await
        .expect(200);
    assert_eq!(
        answer.header("content-type"),
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    );
    assert_eq!(answer.header("vary"), "Accept");
    assert_eq!(answer.header("cache-control"), "public");
    let list = answer.json();
    assert_eq!(list["apiVersion"], "apidiscovery.k8s.io/v2");
    let group = list["items"]
        .as_array()
        .and_then(|items| {
            items
                .iter()
                .find(|item| item["metadata"]["name"] == "serving.knative.dev")
        })
        .expect("the group is listed");
    assert_eq!(
        group["versions"],
        json!([{"version": "v1", "freshness": "Current", "resources": [{
            "resource": "services", "singularResource": "service", "scope": "Namespaced",
            "responseKind": {"group": "serving.knative.dev", "version": "v1", "kind": "Service"},
            "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
            "shortNames": ["kservice", "ksvc"], "categories": ["all", "knative", "serving"],
            "subresources": [{
                "subresource": "status", "verbs": ["get", "patch", "update"],
                "responseKind": {"group": "serving.knative.dev", "version": "v1", "kind": "Service"},
            }],
        }]}])
    );

    let tag = answer.header("etag").to_owned();
    assert!(tag.len() == 130 && tag.starts_with('"'), "{tag}");
    let again = http::Request::builder()
        .uri("/apis")
        .header("accept", AGGREGATED)
        .header("if-none-match", &tag)
        .body(Body::empty())
        .expect("a request");
    let again = api.send(again).await.expect(304);
    assert!(again.body.is_empty());

    let core = api.get_as("/api", AGGREGATED).await.expect(200).json();
    assert_eq!(
        core["items"][0]["versions"][0]["resources"][0]["resource"],
        "namespaces"
    );
    let beta = api
        .get_as(
            "/apis",
            "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
        )
        .await
        .expect(200);
    assert_eq!(beta.json()["apiVersion"], "apidiscovery.k8s.io/v2beta1");
}

#[tokio::test]
async fn legacy_documents() {
    let api = Harness::new();
    assert_eq!(
        api.get("/api").await.expect(200).json()["versions"],
        json!(["v1"])
    );
    let groups = api.get("/apis").await.expect(200).json();
    let names: Vec<_> = groups["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|group| &group["name"])
        .collect();
    assert_eq!(names[..2], ["apps", "serving.knative.dev"]);
    assert!(names.contains(&&json!("authorization.k8s.io")));
    let group = api
        .get("/apis/serving.knative.dev")
        .await
        .expect(200)
        .json();
    assert_eq!(
        group["preferredVersion"]["groupVersion"],
        "serving.knative.dev/v1"
    );
    let resources = api.get("/api/v1").await.expect(200).json();
    let pods: Vec<_> = resources["resources"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|resource| {
            resource["name"]
                .as_str()
                .is_some_and(|name| name.starts_with("pods"))
        })
        .map(|resource| (&resource["name"], &resource["verbs"]))
        .collect();
    assert_eq!(
        json!(pods),
        json!([
            [
                "pods",
                ["delete", "deletecollection", "get", "list", "watch"]
            ],
            ["pods/exec", ["create", "get"]],
            ["pods/log", ["get"]],
            ["pods/status", ["get"]],
        ])
    );
}

#[tokio::test]
async fn version_and_health() {
    let api = Harness::new();
    let version = api.get("/version?timeout=5s").await.expect(200).json();
    assert!(
        version["gitVersion"]
            .as_str()
            .is_some_and(|version| version.starts_with("v1.34."))
    );
    for path in ["/healthz", "/livez", "/readyz", "/readyz/ping"] {
        assert_eq!(api.get(path).await.expect(200).text(), "ok");
    }
}

#[tokio::test]
async fn unknown_paths_are_no_pages() {
    let api = Harness::new();
    for path in [
        "/",
        "/apis/x.y/v1",
        "/apis/x.y",
        "/api/v2",
        "/api/v1/nothings",
        "/apis/serving.knative.dev/v1/services/x",
        "/api/v1/namespaces/x/pods/p/scale",
    ] {
        let answer = api.get(path).await.expect(404);
        assert_eq!(answer.text(), "404 page not found\n", "{path}");
        assert!(
            answer.header("content-type").starts_with("text/plain"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn without_credentials_everything_is_refused() {
    let api = Harness::new();
    for path in [
        "/version",
        "/metrics",
        "/apis",
        "/api/v1/namespaces",
        "/nowhere",
    ] {
        let request = http::Request::builder()
            .uri(path)
            .body(Body::empty())
            .expect("a request");
        let Ok(response) = api.server.service().oneshot(request).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}

/// Fact 3: `kubectl apply` asks for these documents, and looks for the parameter `fieldValidation`.
#[tokio::test]
async fn openapi() {
    let api = Harness::new();
    let root = api.get("/openapi/v3").await.expect(200).json();
    let url = root["paths"]["apis/serving.knative.dev/v1"]["serverRelativeURL"]
        .as_str()
        .expect("an address")
        .to_owned();
    assert!(url.starts_with("/openapi/v3/apis/serving.knative.dev/v1?hash="));
    assert!(root["paths"]["api/v1"].is_object());

    let answer = api.get(&url).await.expect(200);
    assert_eq!(answer.header("cache-control"), "public, immutable");
    assert_eq!(answer.header("expires"), "Tue, 21 Sep 2027 14:13:20 GMT");
    let document = answer.json();
    let patch = &document["paths"]["/apis/serving.knative.dev/v1/namespaces/{namespace}/services/{name}"]
        ["patch"];
    let kind = json!({"group": "serving.knative.dev", "version": "v1", "kind": "Service"});
    assert_eq!(patch["x-kubernetes-group-version-kind"], kind);
    assert!(patch["parameters"].as_array().is_some_and(|parameters| {
        parameters
            .iter()
            .any(|parameter| parameter["name"] == "fieldValidation" && parameter["in"] == "query")
    }));
    let schema = &document["components"]["schemas"]["dev.knative.serving.v1.Service"];
    assert_eq!(schema["x-kubernetes-group-version-kind"], json!([kind]));
    assert_eq!(schema["properties"]["spec"]["type"], "object");

    let tag = answer.header("etag").to_owned();
    let again = http::Request::builder()
        .uri(&url)
        .header("if-none-match", tag);
    api.send(again.body(Body::empty()).expect("a request"))
        .await
        .expect(304);
    let old = api
        .get("/openapi/v3/apis/serving.knative.dev/v1?hash=OLD")
        .await
        .expect(301);
    assert_eq!(old.header("location"), url);
    api.get("/openapi/v3/apis/nothing/v1").await.expect(404);
}

#[tokio::test]
async fn definitions_are_made_from_kinds() {
    let api = Harness::new();
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let list = api
        .get(&format!("{path}?limit=500"))
        .await
        .expect(200)
        .json();
    assert_eq!(list["kind"], "CustomResourceDefinitionList");
    assert_eq!(
        list["items"].as_array().map(Vec::len),
        Some(1),
        "Kubernetes' own kinds are not defined"
    );
    let one = api
        .get(&format!("{path}/services.serving.knative.dev"))
        .await
        .expect(200)
        .json();
    assert_eq!(one["spec"]["names"]["kind"], "Service");
    assert_eq!(
        one["spec"]["versions"][0]["subresources"],
        json!({"status": {}})
    );
    let none = api
        .get(&format!(
            "{path}?labelSelector=duck.knative.dev/source%3Dtrue"
        ))
        .await
        .expect(200);
    assert_eq!(none.json()["items"], json!([]));
    let message = api.get(&format!("{path}/x")).await.refusal(404, "NotFound");
    assert_eq!(
        message,
        "customresourcedefinitions.apiextensions.k8s.io \"x\" not found"
    );
    api.create(path, &json!({})).await.expect(405);
}
