//! Reading and writing objects.

use http::Method;
use knative_core::http::Body;
use serde_json::{Value, json};

use crate::harness::{Harness, SERVICES, TABLE, ksvc};

const MERGE: &str = "application/merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}})
}

#[tokio::test]
async fn create_get_list_update_delete() {
    let api = Harness::new();
    let created = api.create(SERVICES, &ksvc("one")).await.expect(201).json();
    assert_eq!(created["metadata"]["namespace"], "default");
    assert_eq!(created["metadata"]["generation"], 1);
    let path = format!("{SERVICES}/one");
    assert_eq!(api.get(&path).await.expect(200).json(), created);

    let list = api
        .get(&format!("{SERVICES}?limit=500"))
        .await
        .expect(200)
        .json();
    assert_eq!(list["kind"], "ServiceList");
    assert_eq!(list["apiVersion"], "serving.knative.dev/v1");
    assert_eq!(list["items"], json!([created]));
    let everywhere = api
        .get("/apis/serving.knative.dev/v1/services")
        .await
        .expect(200)
        .json();
    assert_eq!(everywhere["items"], json!([created]));
    let elsewhere = api
        .get("/apis/serving.knative.dev/v1/namespaces/missing/services")
        .await;
    assert_eq!(elsewhere.expect(200).json()["items"], json!([]));

    let mut changed = created.clone();
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = json!("other");
    let updated = api
        .write(Method::PUT, &path, &changed)
        .await
        .expect(200)
        .json();
    assert_eq!(updated["metadata"]["generation"], 2);
    let again = api
        .write(Method::PUT, &path, &updated)
        .await
        .expect(200)
        .json();
    assert_eq!(again, updated, "a write that changes nothing bumps nothing");

    let gone = api
        .write(
            Method::DELETE,
            &path,
            &json!({"propagationPolicy": "Background"}),
        )
        .await;
    let gone = gone.expect(200).json();
    assert_eq!(gone["kind"], "Status");
    assert_eq!(gone["status"], "Success");
    assert_eq!(
        gone["details"],
        json!({"name": "one", "group": "serving.knative.dev", "kind": "services", "uid": created["metadata"]["uid"]})
    );
    api.get(&path).await.expect(404);
}

#[tokio::test]
async fn generated_names() {
    let api = Harness::new();
    let mut service = ksvc("");
    service["metadata"] = json!({"generateName": "gen-", "creationTimestamp": null});
    let created = api.create(SERVICES, &service).await.expect(201).json();
    let name = created["metadata"]["name"].as_str().unwrap_or_default();
    assert!(name.len() == 9 && name.starts_with("gen-"), "{name}");
}

#[tokio::test]
async fn tables() {
    let api = Harness::new();
    api.create(SERVICES, &ksvc("one")).await.expect(201);
    let status = json!({"status": {"url": "http://one.default.localhost", "conditions": [
        {"type": "ConfigurationsReady", "status": "Unknown"},
        {"type": "Ready", "status": "False", "reason": "RevisionMissing"},
    ]}});
    api.patch(&format!("{SERVICES}/one/status"), MERGE, &status)
        .await
        .expect(200);
    let table = api
        .get_as(&format!("{SERVICES}?limit=500"), TABLE)
        .await
        .expect(200)
        .json();
    assert_eq!(table["kind"], "Table");
    assert_eq!(table["apiVersion"], "meta.k8s.io/v1");
    let columns: Vec<_> = table["columnDefinitions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|column| &column["name"])
        .collect();
    assert_eq!(
        columns,
        [
            "Name",
            "URL",
            "LatestCreated",
            "LatestReady",
            "Ready",
            "Reason"
        ]
    );
    assert_eq!(table["columnDefinitions"][0]["format"], "name");
    assert_eq!(
        table["rows"][0]["cells"],
        json!([
            "one",
            "http://one.default.localhost",
            null,
            null,
            "False",
            "RevisionMissing"
        ])
    );
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    assert!(table["metadata"]["resourceVersion"].is_string());

    let one = api
        .get_as(&format!("{SERVICES}/one?includeObject=Object"), TABLE)
        .await
        .expect(200)
        .json();
    assert_eq!(one["rows"][0]["object"]["kind"], "Service");
    let none = api
        .get_as(&format!("{SERVICES}?includeObject=None"), TABLE)
        .await
        .expect(200)
        .json();
    assert_eq!(none["rows"][0].get("object"), None);
    let namespaces = api
        .get_as("/api/v1/namespaces", TABLE)
        .await
        .expect(200)
        .json();
    assert_eq!(
        namespaces["rows"][0]["cells"],
        json!(["default", "Active", "0s"])
    );

    let metadata = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let partial = api.get_as(SERVICES, metadata).await.expect(200).json();
    assert_eq!(partial["kind"], "PartialObjectMetadataList");
    assert_eq!(partial["items"][0].get("spec"), None);
}

#[tokio::test]
async fn pages() {
    let api = Harness::new();
    for name in ["a", "b", "c", "d", "e"] {
        api.create(MAPS, &config_map(name)).await.expect(201);
    }
    let first = api.get(&format!("{MAPS}?limit=2")).await.expect(200).json();
    assert_eq!(first["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        first["metadata"]["remainingItemCount"], 4,
        "the namespace's own map is one of six"
    );
    let token = first["metadata"]["continue"]
        .as_str()
        .expect("there is more");
    let second = api
        .get(&format!("{MAPS}?limit=10&continue={token}"))
        .await
        .expect(200)
        .json();
    assert_eq!(second["items"].as_array().map(Vec::len), Some(4));
    assert_eq!(second["metadata"].get("continue"), None);
    assert_eq!(
        second["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    api.get(&format!("{MAPS}?limit=2&continue=rubbish"))
        .await
        .refusal(400, "BadRequest");
}

#[tokio::test]
async fn patches() {
    let api = Harness::new();
    api.create(MAPS, &config_map("m")).await.expect(201);
    let path = format!("{MAPS}/m");
    let merged = api
        .patch(&path, MERGE, &json!({"data": {"b": "2"}}))
        .await
        .expect(200)
        .json();
    assert_eq!(merged["data"], json!({"a": "1", "b": "2"}));
    let replaced = api
        .patch(
            &path,
            JSON_PATCH,
            &json!([{"op": "replace", "path": "/data/a", "value": "x"}]),
        )
        .await;
    assert_eq!(replaced.expect(200).json()["data"]["a"], "x");
    let strategic = api
        .patch(&path, STRATEGIC, &json!({"data": {"a": null}}))
        .await
        .expect(200)
        .json();
    assert_eq!(strategic["data"], json!({"b": "2"}));
    let same = api
        .patch(&path, MERGE, &json!({"data": {"b": "2"}}))
        .await
        .expect(200)
        .json();
    assert_eq!(
        same["metadata"]["resourceVersion"],
        strategic["metadata"]["resourceVersion"]
    );

    let stale = json!({"metadata": {"resourceVersion": "1"}, "data": {"b": "3"}});
    let message = api
        .patch(&path, MERGE, &stale)
        .await
        .refusal(409, "Conflict");
    assert_eq!(
        message,
        "Operation cannot be fulfilled on configmaps \"m\": the object has been modified; please apply your changes to the latest version and try again"
    );
}

#[tokio::test]
async fn status_is_a_part_of_its_own() {
    let api = Harness::new();
    let mut service = ksvc("one");
    service["status"] = json!({"url": "mine"});
    let created = api.create(SERVICES, &service).await.expect(201).json();
    assert_eq!(created.get("status"), None);
    let path = format!("{SERVICES}/one/status");
    let change =
        json!({"spec": {"template": {"metadata": {"name": "no"}}}, "status": {"url": "yes"}});
    let patched = api.patch(&path, MERGE, &change).await.expect(200).json();
    assert_eq!(patched["status"], json!({"url": "yes"}));
    assert_eq!(patched["spec"], created["spec"]);
    assert_eq!(patched["metadata"]["generation"], 1);
    assert_eq!(api.get(&path).await.expect(200).json(), patched);
    let mut put = patched;
    put["status"]["url"] = json!("put");
    let put = api.write(Method::PUT, &path, &put).await.expect(200).json();
    assert_eq!(put["status"]["url"], "put");
    api.write(Method::DELETE, &path, &json!({}))
        .await
        .expect(405);
    api.get(&format!("{MAPS}/kube-root-ca.crt/status"))
        .await
        .expect(404);
}

#[tokio::test]
async fn dry_runs_store_nothing() {
    let api = Harness::new();
    let dry = api
        .create(&format!("{SERVICES}?dryRun=All"), &ksvc("one"))
        .await
        .expect(201)
        .json();
    assert_eq!(dry["metadata"]["name"], "one");
    api.get(&format!("{SERVICES}/one")).await.expect(404);
    let created = api.create(SERVICES, &ksvc("one")).await.expect(201).json();
    let path = format!("{SERVICES}/one");
    let change = json!({"metadata": {"labels": {"a": "b"}}});
    let dry = api
        .patch(&format!("{path}?dryRun=All"), MERGE, &change)
        .await
        .expect(200)
        .json();
    assert_eq!(dry["metadata"]["labels"], json!({"a": "b"}));
    api.write(Method::DELETE, &path, &json!({"dryRun": ["All"]}))
        .await
        .expect(200);
    assert_eq!(api.get(&path).await.expect(200).json(), created);
    let message = api
        .create(&format!("{SERVICES}?dryRun=Some"), &ksvc("x"))
        .await
        .refusal(422, "Invalid");
    assert_eq!(
        message,
        "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"Some\": supported values: \"All\""
    );
}

#[tokio::test]
async fn deletion_waits_for_finalizers_and_preconditions() {
    let api = Harness::new();
    let mut service = ksvc("one");
    service["metadata"]["finalizers"] = json!(["example.dev/wait"]);
    api.create(SERVICES, &service).await.expect(201);
    let path = format!("{SERVICES}/one");
    let wrong = json!({"preconditions": {"uid": "other"}});
    api.write(Method::DELETE, &path, &wrong)
        .await
        .refusal(409, "Conflict");
    let waiting = api
        .send(
            http::Request::builder()
                .method("DELETE")
                .uri(&path)
                .body(Body::empty())
                .expect("a request"),
        )
        .await;
    let waiting = waiting.expect(200).json();
    assert_eq!(waiting["kind"], "Service");
    assert!(waiting["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(waiting["metadata"]["generation"], 2);
    api.patch(&path, MERGE, &json!({"metadata": {"finalizers": null}}))
        .await
        .expect(200);
    api.get(&path).await.expect(404);
    let bad = api
        .write(
            Method::DELETE,
            &path,
            &json!({"propagationPolicy": "Sideways"}),
        )
        .await;
    bad.refusal(422, "Invalid");
}

#[tokio::test]
async fn collections_are_deleted_by_selector() {
    let api = Harness::new();
    for (name, label) in [("a", "x"), ("b", "y"), ("c", "x")] {
        let mut map = config_map(name);
        map["metadata"]["labels"] = json!({"l": label});
        api.create(MAPS, &map).await.expect(201);
    }
    let path = format!("{MAPS}?labelSelector=l%3Dx");
    let removed = api
        .write(Method::DELETE, &path, &json!({}))
        .await
        .expect(200)
        .json();
    assert_eq!(removed["items"].as_array().map(Vec::len), Some(2));
    let left = api
        .get(&format!("{MAPS}?labelSelector=l"))
        .await
        .expect(200)
        .json();
    assert_eq!(left["items"][0]["metadata"]["name"], "b");
}

#[tokio::test]
async fn field_validation() {
    let api = Harness::new();
    let mut service = ksvc("one");
    service["spec"]["template"]["spec"]["containers"][0]["nosuchfield"] = json!(1);
    service["spec"]["extra"] = json!({});
    let strict = api
        .create(&format!("{SERVICES}?fieldValidation=Strict"), &service)
        .await;
    assert_eq!(
        strict.refusal(400, "BadRequest"),
        "Service in version \"v1\" cannot be handled as a Service: strict decoding error: unknown field \"spec.extra\", unknown field \"spec.template.spec.containers[0].nosuchfield\""
    );
    let ignored = api
        .create(
            &format!("{SERVICES}?fieldValidation=Ignore&dryRun=All"),
            &service,
        )
        .await
        .expect(201);
    assert_eq!(ignored.warnings(), [""; 0]);
    let warned = api.create(SERVICES, &service).await.expect(201);
    assert_eq!(
        warned.warnings(),
        [
            r#"299 - "unknown field \"spec.extra\"""#,
            r#"299 - "unknown field \"spec.template.spec.containers[0].nosuchfield\"""#,
        ]
    );
    assert_eq!(warned.json()["spec"].get("extra"), None);

    let twice = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"a":"1","a":"2"}}"#;
    let strict = api
        .write_as(
            Method::POST,
            &format!("{MAPS}?fieldValidation=Strict"),
            "application/json",
            twice,
        )
        .await;
    assert_eq!(
        strict.refusal(400, "BadRequest"),
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: duplicate field \"data.a\""
    );
    let warned = api
        .write_as(Method::POST, MAPS, "application/json", twice)
        .await
        .expect(201);
    assert_eq!(warned.warnings(), [r#"299 - "duplicate field \"data.a\"""#]);
    assert_eq!(warned.json()["data"]["a"], "2");

    let path = format!("{SERVICES}/one?fieldValidation=Strict");
    let message = api
        .patch(&path, MERGE, &json!({"spec": {"nope": 1}}))
        .await
        .refusal(422, "Invalid");
    assert!(
        message.starts_with(" \"\" is invalid: patch: Invalid value: "),
        "{message}"
    );
    assert!(
        message.ends_with(": strict decoding error: unknown field \"spec.nope\""),
        "{message}"
    );
}

#[tokio::test]
async fn namespaces_are_filled_in() {
    let api = Harness::new();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}});
    let created = api
        .create("/api/v1/namespaces", &namespace)
        .await
        .expect(201)
        .json();
    assert_eq!(created["status"]["phase"], "Active");
    assert_eq!(created["spec"]["finalizers"], json!(["kubernetes"]));
    api.get("/api/v1/namespaces/x/serviceaccounts/default")
        .await
        .expect(200);
    api.get("/api/v1/namespaces/x/configmaps/kube-root-ca.crt")
        .await
        .expect(200);
}

#[tokio::test]
async fn yaml_goes_in_and_out() {
    let api = Harness::new();
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map\ndata:\n  a: \"1\"\n";
    api.write_as(Method::POST, MAPS, "application/yaml", text)
        .await
        .expect(201);
    let answer = api
        .get_as(&format!("{MAPS}/map"), "application/yaml")
        .await
        .expect(200);
    assert_eq!(answer.header("content-type"), "application/yaml");
    assert!(
        answer.text().contains("kind: ConfigMap\n"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn reviews() {
    let api = Harness::new();
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "create", "resource": "services"}},
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let answer = api.create(path, &review).await.expect(201).json();
    assert_eq!(answer["status"], json!({"allowed": true}));
    assert_eq!(answer["spec"], review["spec"]);
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let who = api.create(path, &json!({})).await.expect(201).json();
    assert_eq!(who["status"]["userInfo"]["username"], "admin");

    let other = http::Request::builder()
        .method("POST")
        .uri(path)
        .header("impersonate-user", "jane")
        .header("impersonate-group", "devs")
        .body(Body::from("{}"))
        .expect("a request");
    let who = api.send(other).await.expect(201).json();
    assert_eq!(
        who["status"]["userInfo"],
        json!({"username": "jane", "groups": ["devs", "system:authenticated"]})
    );
    api.get(path).await.expect(405);
}

#[tokio::test]
async fn what_is_derived_is_read_only() {
    let api = Harness::new();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}});
    let message = api
        .create("/api/v1/namespaces/default/pods", &pod)
        .await
        .refusal(405, "MethodNotAllowed");
    assert_eq!(
        message,
        "create is not supported on resources of kind \"pods\""
    );
    for part in ["attach", "portforward"] {
        let path = format!("/api/v1/namespaces/default/pods/p/{part}");
        let message = api.get(&path).await.refusal(405, "MethodNotAllowed");
        assert!(
            message.starts_with(&format!("{part} is not offered")),
            "{message}"
        );
    }
}

/// Fact 6: what admission fills in is in the answer, and there to be read.
#[tokio::test]
async fn defaults_and_denials() {
    let api = Harness::new();
    let created = api.create(SERVICES, &ksvc("one")).await.expect(201).json();
    let traffic = json!([{"latestRevision": true, "percent": 100}]);
    assert_eq!(created["spec"]["traffic"], traffic);
    let read = api.get(&format!("{SERVICES}/one")).await.expect(200).json();
    assert_eq!(read["spec"]["traffic"], traffic);

    let mut empty = ksvc("two");
    empty["spec"] = json!({});
    let message = api
        .create(SERVICES, &empty)
        .await
        .refusal(400, "BadRequest");
    assert_eq!(
        message,
        "admission webhook \"validation.webhook.serving.knative.dev\" denied the request: validation failed: missing field(s): spec.template"
    );
    let mut typed = ksvc("two");
    typed["spec"]["template"]["spec"]["containerConcurrency"] = json!("many");
    let answer = api.create(SERVICES, &typed).await;
    let message = answer.refusal(422, "Invalid");
    assert!(message.starts_with("Service.serving.knative.dev \"two\" is invalid: spec.template.spec.containerConcurrency: Invalid value: "), "{message}");
    assert_eq!(
        answer.json()["details"]["causes"][0]["reason"],
        "FieldValueTypeInvalid"
    );
    let message = api
        .create(SERVICES, &ksvc("P_1"))
        .await
        .refusal(422, "Invalid");
    assert!(
        message.starts_with(
            "Service.serving.knative.dev \"P_1\" is invalid: metadata.name: Invalid value: "
        ),
        "{message}"
    );
}
