use serde_json::json;

use super::*;

fn migrated(spec: &serde_json::Value, status: &serde_json::Value) -> bool {
    let route = json!({
        "metadata": { "name": "s" },
        "spec": { "traffic": spec },
        "status": { "traffic": status },
    });
    let configuration = json!({
        "metadata": { "name": "s" },
        "spec": {},
        "status": { "latestReadyRevisionName": "s-2" },
    });
    traffic_is_migrated(
        &serde_json::from_value(route).unwrap(),
        &serde_json::from_value(configuration).unwrap(),
    )
}

#[test]
fn traffic_is_migrated_when_the_status_follows_the_spec() {
    let latest = json!([{ "configurationName": "s", "latestRevision": true, "percent": 100 }]);
    let on = |revision: &str| json!([{ "revisionName": revision, "latestRevision": true, "percent": 100 }]);
    assert!(migrated(&latest, &on("s-2")));
    assert!(!migrated(&latest, &on("s-1")));
    assert!(!migrated(&latest, &json!([])));
}

#[test]
fn two_lines_of_the_spec_that_became_one_are_not_migrated() {
    let half = json!({ "revisionName": "s-1", "percent": 50 });
    let whole = json!({ "revisionName": "s-1", "percent": 100 });
    assert!(!migrated(&json!([half, half]), &json!([whole])));
}
