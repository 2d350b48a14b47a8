//! Patches: reading, changing and writing back.

use serde_json::json;

use crate::store::{Patch, StoreExt as _, WriteOptions};

use super::{Case, fixture::Fixture};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("merge_patch_changes_parts", merge_patch_changes_parts),
        Case::new("json_patch_changes_parts", json_patch_changes_parts),
        Case::new(
            "patch_of_the_status_leaves_the_rest",
            patch_of_the_status_leaves_the_rest,
        ),
        Case::new(
            "patch_with_a_stale_version_conflicts",
            patch_with_a_stale_version_conflicts,
        ),
        Case::new("patch_cannot_rename", patch_cannot_rename),
        Case::new(
            "patches_of_several_writers_all_count",
            patches_of_several_writers_all_count,
        ),
    ]
}

async fn merge_patch_changes_parts(kit: Fixture) {
    kit.create("a", json!({"spec": {"x": 1, "y": {"z": 1}}}))
        .await;
    let patch = Patch::Merge(json!({"spec": {"x": null, "y": {"w": 2}}}));
    let patched = kit
        .store
        .patch(&kit.key("a"), &patch, &WriteOptions::default())
        .await;
    let data = &patched.expect("patched").object.data;
    assert_eq!(*data, json!({"spec": {"y": {"z": 1, "w": 2}}}));
}

async fn json_patch_changes_parts(kit: Fixture) {
    kit.create("a", json!({"spec": {"list": [1, 3]}})).await;
    let operations = json!([
        {"op": "test", "path": "/spec/list/0", "value": 1},
        {"op": "add", "path": "/spec/list/1", "value": 2},
    ]);
    let patch = Patch::json(operations).expect("a patch");
    let options = WriteOptions::default();
    let patched = kit.store.patch(&kit.key("a"), &patch, &options).await;
    let data = &patched.expect("patched").object.data;
    assert_eq!(*data, json!({"spec": {"list": [1, 2, 3]}}));
    let again = kit.store.patch(&kit.key("b"), &patch, &options).await;
    assert!(again.is_err_and(|error| error.is_not_found()));
}

async fn patch_of_the_status_leaves_the_rest(kit: Fixture) {
    kit.create("a", json!({"spec": {"x": 1}})).await;
    let patch = Patch::Merge(json!({"spec": {"x": 2}, "status": {"seen": 1}}));
    let options = WriteOptions::default();
    let patched = kit
        .store
        .patch_status(&kit.key("a"), &patch, &options)
        .await;
    let data = &patched.expect("patched").object.data;
    assert_eq!(*data, json!({"spec": {"x": 1}, "status": {"seen": 1}}));
}

async fn patch_with_a_stale_version_conflicts(kit: Fixture) {
    let old = kit.create("a", json!({})).await;
    kit.update(kit.thing("a", &json!({"spec": {"x": 1}}))).await;
    let version = old.metadata.resource_version.clone();
    let patch = Patch::Merge(json!({"metadata": {"resourceVersion": version}, "spec": {"x": 2}}));
    let refused = kit
        .store
        .patch(&kit.key("a"), &patch, &WriteOptions::default())
        .await;
    assert!(refused.is_err_and(|error| error.is_conflict()));
}

async fn patch_cannot_rename(kit: Fixture) {
    kit.create("a", json!({})).await;
    let patch = Patch::Merge(json!({"metadata": {"name": "b"}}));
    let refused = kit
        .store
        .patch(&kit.key("a"), &patch, &WriteOptions::default())
        .await;
    assert!(refused.is_err());
    assert_eq!(kit.names().await, ["a"]);
}

async fn patches_of_several_writers_all_count(kit: Fixture) {
    kit.create("a", json!({})).await;
    let writers = (0..4).map(|writer| {
        let kit = &kit;
        async move {
            let patch = Patch::Merge(json!({"spec": {format!("w{writer}"): true}}));
            kit.store
                .patch(&kit.key("a"), &patch, &WriteOptions::default())
                .await
        }
    });
    for patched in futures::future::join_all(writers).await {
        assert!(patched.is_ok(), "{patched:?}");
    }
    let all = json!({"w0": true, "w1": true, "w2": true, "w3": true});
    assert_eq!(kit.get("a").await.data["spec"], all);
}
