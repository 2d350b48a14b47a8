use serde_json::json;

use super::*;

fn configuration(latest_ready: &str, named: &str) -> Configuration {
    serde_json::from_value(json!({
        "metadata": { "name": "c", "namespace": "ns", "generation": 3 },
        "spec": { "template": { "metadata": { "name": named } } },
        "status": { "latestReadyRevisionName": latest_ready },
    }))
    .unwrap()
}

fn revision(name: &str, generation: i64, ready: bool) -> Revision {
    let status = if ready { "True" } else { "Unknown" };
    serde_json::from_value(json!({
        "metadata": {
            "name": name,
            "labels": { serving::CONFIGURATION_GENERATION: generation.to_string() },
        },
        "spec": {},
        "status": { "conditions": [{ "type": "Ready", "status": status }] },
    }))
    .unwrap()
}

#[test]
fn the_latest_ready_revision() {
    let all = [
        revision("c-1", 1, true),
        revision("c-2", 2, true),
        revision("c-3", 3, false),
    ];
    for (what, current, named, want) in [
        ("the newest that is ready", "", "", "c-2"),
        ("moves on", "c-1", "", "c-2"),
        (
            "goes back when the template names an older one",
            "c-2",
            "c-1",
            "c-1",
        ),
        (
            "a name that is not ready does not count",
            "c-2",
            "c-3",
            "c-2",
        ),
    ] {
        let latest = latest_ready(&configuration(current, named), &all);
        assert_eq!(latest.map(ObjectExt::name), Some(want), "{what}");
    }
}

#[test]
fn the_latest_ready_revision_does_not_move_back() {
    let all = [revision("c-1", 1, true), revision("c-2", 2, false)];
    assert!(latest_ready(&configuration("c-2", ""), &all).is_none());
}
