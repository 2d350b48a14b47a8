//! What `kn service` sends, in its order.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Events, Harness, SERVICES, ksvc};

const ACCEPT: &str = "application/json, */*";
const MERGE: &str = "application/merge-patch+json";

/// What controllers do once a Service is there.
async fn make_ready(api: &Harness, name: &str) {
    let status = json!({"status": {
        "observedGeneration": 1, "url": format!("http://{name}.default.localhost"),
        "conditions": [{"type": "Ready", "status": "True"}],
    }});
    api.patch(&format!("{SERVICES}/{name}/status"), MERGE, &status)
        .await
        .expect(200);
}

async fn wait(api: &Harness, name: &str, version: &Value) -> Events {
    let version = version.as_str().unwrap_or_default();
    let path = format!(
        "{SERVICES}?fieldSelector=metadata.name%3D{name}&resourceVersion={version}&timeout=10m30s&timeoutSeconds=630&watch=true"
    );
    api.watch(&path, ACCEPT).await
}

#[tokio::test(start_paused = true)]
async fn service_create() {
    let api = Harness::new();
    let path = format!("{SERVICES}/hello");
    api.get_as(&path, ACCEPT).await.refusal(404, "NotFound");
    let mut service = ksvc("hello");
    service["metadata"]["creationTimestamp"] = Value::Null;
    service["spec"]["template"]["metadata"] = json!({"creationTimestamp": null, "annotations": {"client.knative.dev/user-image": "example.local/hello"}});
    service["spec"]["template"]["spec"]["containers"][0]["name"] = json!("");
    service["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({});
    service["status"] = json!({});
    let created = api
        .create(&format!("{SERVICES}?fieldValidation=Strict"), &service)
        .await
        .expect(201);
    assert_eq!(
        created.warnings(),
        [""; 0],
        "what Go writes of empty fields is taken"
    );
    api.get_as(&path, ACCEPT).await.expect(200);
    let read = api.get_as(&path, ACCEPT).await.expect(200).json();
    make_ready(&api, "hello").await;
    let mut events = wait(&api, "hello", &read["metadata"]["resourceVersion"]).await;
    let event = events.next().await.expect("an event");
    assert_eq!(event["type"], "MODIFIED");
    assert_eq!(
        event["object"]["metadata"]["generation"],
        event["object"]["status"]["observedGeneration"]
    );
    let last = api.get_as(&path, ACCEPT).await.expect(200).json();
    assert_eq!(last["status"]["url"], "http://hello.default.localhost");
}

#[tokio::test(start_paused = true)]
async fn service_update_and_apply() {
    let api = Harness::new();
    api.create(SERVICES, &ksvc("hello")).await.expect(201);
    let path = format!("{SERVICES}/hello");
    let mut service = api.get_as(&path, ACCEPT).await.expect(200).json();
    service["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{"name": "A", "value": "1"}]);
    let updated = api
        .write(Method::PUT, &path, &service)
        .await
        .expect(200)
        .json();
    api.write(Method::PUT, &path, &service)
        .await
        .refusal(409, "Conflict");
    let mut events = wait(&api, "hello", &service["metadata"]["resourceVersion"]).await;
    let event = events.next().await.expect("an event");
    assert_eq!(
        event["object"]["metadata"]["generation"],
        updated["metadata"]["generation"]
    );

    let change = json!({
        "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}},
        "spec": {"template": {"spec": {"containers": [{"image": "two"}]}}},
    });
    let applied = api.patch(&path, MERGE, &change).await.expect(200).json();
    assert_eq!(
        applied["spec"]["template"]["spec"]["containers"],
        json!([{"image": "two"}])
    );
    let list = api
        .get_as(
            &format!("{SERVICES}?labelSelector=serving.knative.dev%2Fservice%3Dhello"),
            ACCEPT,
        )
        .await;
    assert_eq!(list.expect(200).json()["items"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn service_delete() {
    let api = Harness::new();
    let created = api
        .create(SERVICES, &ksvc("hello"))
        .await
        .expect(201)
        .json();
    let path = format!("{SERVICES}/hello");
    let mut events = wait(&api, "hello", &created["metadata"]["resourceVersion"]).await;
    let options = json!({"kind": "DeleteOptions", "apiVersion": "serving.knative.dev/v1", "propagationPolicy": "Foreground"});
    api.write(Method::DELETE, &path, &options).await.expect(200);
    let mut last = events.brief().await;
    if last.as_ref().is_some_and(|(kind, _)| kind == "MODIFIED") {
        last = events.brief().await;
    }
    assert_eq!(last, Some(("DELETED".to_owned(), "hello".to_owned())));
    api.get_as(&path, ACCEPT).await.refusal(404, "NotFound");
}
