use knative_core::ConditionStatus;
use serde_json::json;

use super::*;

fn revision(routing_state: &str) -> Revision {
    serde_json::from_value(json!({
        "metadata": {
            "name": "hello-00001",
            "namespace": "ns",
            "uid": "u1",
            "labels": {
                "mine": "1",
                serving::ROUTE: "r",
                serving::ROUTING_STATE: routing_state,
            },
            "annotations": { "kept": "yes", serving::NO_GC: "true", serving::ROUTES: "r" },
        },
        "spec": { "containers": [{ "name": "c", "image": "app", "ports": [{ "name": "h2c", "containerPort": 80 }] }] },
    }))
    .unwrap()
}

fn deployment(wanted: i32, ready: i32) -> Deployment {
    serde_json::from_value(json!({
        "metadata": {},
        "spec": { "replicas": wanted, "selector": {}, "template": {} },
        "status": { "readyReplicas": ready },
    }))
    .unwrap()
}

#[test]
fn routing_labels_and_annotations_stay_behind() {
    let scaler = pod_autoscaler(&revision("active"), None);
    assert_eq!(
        json!(scaler.metadata.labels),
        json!({
            "mine": "1",
            "app": "hello-00001",
            serving::REVISION: "hello-00001",
            serving::REVISION_UID: "u1",
        })
    );
    assert_eq!(json!(scaler.metadata.annotations), json!({ "kept": "yes" }));
    assert_eq!(scaler.spec.protocol_type, "h2c");
    assert_eq!(
        scaler.spec.scale_target_ref.name.as_deref(),
        Some("hello-00001-deployment")
    );
}

#[test]
fn reachability_follows_the_routing_state() {
    for (state, want) in [
        ("active", REACHABLE),
        ("reserve", UNREACHABLE),
        ("pending", ""),
    ] {
        assert_eq!(reachability(&revision(state), None), want, "{state}");
    }
}

#[test]
fn a_failed_revision_without_ready_instances_is_unreachable() {
    for (status, wanted, ready, want) in [
        (ConditionStatus::False, 1, 0, UNREACHABLE),
        (ConditionStatus::False, 3, 1, REACHABLE),
        (ConditionStatus::False, 0, 0, REACHABLE),
        (ConditionStatus::Unknown, 1, 0, REACHABLE),
    ] {
        let mut failed = revision("active");
        let conditions = &mut failed.status.get_or_insert_default().conditions;
        conditions.push(Condition::new(CONTAINER_HEALTHY, status));
        let got = reachability(&failed, Some(&deployment(wanted, ready)));
        assert_eq!(got, want, "{status:?}, {ready} of {wanted}");
    }
}

#[test]
fn an_image_for_each_container_that_was_looked_up() {
    let mut revision = revision("active");
    assert_eq!(images(&revision), []);
    let looked_up = |name: &str, digest: &str| ContainerStatus {
        name: name.to_owned(),
        image_digest: digest.to_owned(),
    };
    let status = revision.status.get_or_insert_default();
    status.init_container_statuses = vec![looked_up("init", "init@sha256:bb")];
    status.container_statuses = vec![looked_up("c", "app@sha256:aa")];
    let images = images(&revision);
    let made: Vec<_> = images
        .iter()
        .map(|image| (image.name(), image.spec.image.as_str()))
        .collect();
    let want = [
        ("hello-00001-cache-c", "app@sha256:aa"),
        ("hello-00001-cache-init", "init@sha256:bb"),
    ];
    assert_eq!(made, want);
}
