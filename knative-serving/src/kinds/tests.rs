use std::sync::Arc;

use knative_core::Kinds;
use knative_core::object::GroupKind;
use serde_json::json;

use super::*;
use crate::api::keys::SERVING_GROUP;

fn kinds() -> Kinds {
    let mut kinds = Kinds::new();
    knative_core::kinds::core::register(&mut kinds);
    register(&mut kinds, &Arc::new(Live::default()));
    kinds
}

#[test]
fn all_kinds_are_there_with_their_short_names() {
    let kinds = kinds();
    let names: Vec<String> = kinds
        .iter()
        .filter(|kind| kind.group.ends_with("knative.dev"))
        .map(|kind| format!("{}:{}", kind.resource(), kind.short_names.join("+")))
        .collect();
    assert_eq!(
        names,
        [
            "services.serving.knative.dev:kservice+ksvc",
            "configurations.serving.knative.dev:config+cfg",
            "revisions.serving.knative.dev:rev",
            "routes.serving.knative.dev:rt",
            "domainmappings.serving.knative.dev:dm",
            "podautoscalers.autoscaling.internal.knative.dev:kpa+pa",
            "metrics.autoscaling.internal.knative.dev:",
            "ingresses.networking.internal.knative.dev:kingress+king",
            "serverlessservices.networking.internal.knative.dev:sks",
            "certificates.networking.internal.knative.dev:kcert",
            "clusterdomainclaims.networking.internal.knative.dev:cdc",
            "images.caching.internal.knative.dev:",
        ]
    );
}

#[test]
fn pods_are_cut_to_what_knative_lets_through() {
    let kinds = kinds();
    let service = kinds.get(&GroupKind::new(SERVING_GROUP, "Service"));
    let schema = &service.expect("registered").schema;
    let container = json!({
        "image": "a",
        "bogus": 1,
        "ports": [{"containerPort": 8080, "hostPort": 80}],
        "readinessProbe": {"tcpSocket": {}},
        "stdin": true,
    });
    let mut object = json!({
        "metadata": {"name": "hello"},
        "spec": {"template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {
                "containers": [container],
                "hostNetwork": true,
                "hostname": "x",
                "tolerations": [{"key": "a"}],
            },
        }},
    });
    let unknown = schema.prune(&mut object);
    let unknown: Vec<&str> = unknown.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(
        unknown,
        [
            "spec.template.spec.containers[0].bogus",
            "spec.template.spec.containers[0].ports[0].hostPort",
            "spec.template.spec.containers[0].stdin",
            "spec.template.spec.hostname",
        ]
    );
    assert_eq!(schema.check(&object), []);
    assert_eq!(
        object["spec"]["template"]["spec"]["tolerations"],
        json!([{"key": "a"}])
    );
}
