use serde_json::{Value, json};

use super::networking::{ClusterDomainClaim, Ingress};
use super::{DomainMapping, Revision, Service};

fn round_trip<T: serde::de::DeserializeOwned + serde::Serialize>(object: &Value) -> Value {
    let read: T = serde_json::from_value(object.clone()).unwrap();
    serde_json::to_value(read).unwrap()
}

#[test]
fn a_service_is_written_as_it_was_read() {
    let object = json!({
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "hello", "namespace": "default"},
        "spec": {
            "template": {
                "metadata": {"annotations": {"a": "b"}},
                "spec": {
                    "containerConcurrency": 1,
                    "containers": [{"image": "hello", "name": "c", "resources": {}}],
                    "timeoutSeconds": 9,
                },
            },
            "traffic": [{"latestRevision": true, "percent": 100}],
        },
        "status": {"observedGeneration": 3, "url": "http://hello.default.example.com"},
    });
    assert_eq!(round_trip::<Service>(&object), object);
}

#[test]
fn absent_and_null_fields_are_zero() {
    let got = round_trip::<Service>(&json!({"spec": {"template": null, "traffic": null}}));
    let want = json!({
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {},
        "spec": {"template": {"metadata": {}, "spec": {"containers": null}}},
    });
    assert_eq!(got, want);
    for spec in [json!({"containers": null}), json!({"containers": []})] {
        assert_eq!(round_trip::<Revision>(&json!({"spec": spec}))["spec"], spec);
    }
}

#[test]
fn empty_lists_of_the_metadata_are_skipped() {
    let metadata = json!({"name": "a", "labels": {}, "ownerReferences": [], "generateName": ""});
    let got = round_trip::<Service>(&json!({"metadata": metadata}));
    assert_eq!(got["metadata"], json!({"name": "a"}));
}

#[test]
fn other_kinds_and_versions_are_refused() {
    let kind = serde_json::from_value::<Service>(json!({"kind": "Route"})).unwrap_err();
    assert_eq!(kind.to_string(), r#"kind is "Route", expected "Service""#);
    let version = json!({"apiVersion": "serving.knative.dev/v1"});
    assert!(serde_json::from_value::<DomainMapping>(version).is_err());
}

#[test]
fn a_claim_is_cluster_wide_and_has_no_status() {
    let object = json!({
        "apiVersion": "networking.internal.knative.dev/v1alpha1",
        "kind": "ClusterDomainClaim",
        "metadata": {"name": "acme.dev"},
        "spec": {"namespace": "a"},
    });
    assert_eq!(round_trip::<ClusterDomainClaim>(&object), object);
}

#[test]
fn an_ingress_keeps_ports_of_both_kinds() {
    let split = |port: Value| json!({"serviceName": "a", "serviceNamespace": "b", "servicePort": port, "percent": 50});
    let object = json!({
        "apiVersion": "networking.internal.knative.dev/v1alpha1",
        "kind": "Ingress",
        "metadata": {},
        "spec": {"rules": [{"hosts": ["x"], "http": {"paths": [{"splits": [split(json!(80)), split(json!("http"))]}]}}]},
    });
    assert_eq!(round_trip::<Ingress>(&object), object);
}
