//! Creation and replacement.

use serde_json::json;

use crate::{
    object::ObjectExt as _,
    store::{StoreError, WriteOptions},
};

use super::{
    Case,
    fixture::{Fixture, next, version},
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("create_stamps_metadata", create_stamps_metadata),
        Case::new("create_drops_status", create_drops_status),
        Case::new("create_twice_is_refused", create_twice_is_refused),
        Case::new(
            "create_with_version_is_refused",
            create_with_version_is_refused,
        ),
        Case::new(
            "create_without_name_is_refused",
            create_without_name_is_refused,
        ),
        Case::new("generated_names_differ", generated_names_differ),
        Case::new("written_is_read", written_is_read),
        Case::new("update_of_nothing_is_refused", update_of_nothing_is_refused),
        Case::new("stale_version_conflicts", stale_version_conflicts),
        Case::new("absent_version_overwrites", absent_version_overwrites),
        Case::new("other_uid_conflicts", other_uid_conflicts),
        Case::new("update_leaves_status", update_leaves_status),
        Case::new(
            "status_update_leaves_the_rest",
            status_update_leaves_the_rest,
        ),
        Case::new(
            "generation_counts_changes_of_the_spec",
            generation_counts_changes_of_the_spec,
        ),
        Case::new(
            "write_without_change_changes_nothing",
            write_without_change_changes_nothing,
        ),
        Case::new("system_metadata_is_kept", system_metadata_is_kept),
        Case::new("dry_run_stores_nothing", dry_run_stores_nothing),
        Case::new("one_of_racing_updates_wins", one_of_racing_updates_wins),
        Case::new("unknown_kind_is_refused", unknown_kind_is_refused),
    ]
}

async fn create_stamps_metadata(kit: Fixture) {
    let object = kit.create("a", json!({"spec": {"x": 1}})).await;
    assert!(!object.uid().is_empty() && !version(&object).is_empty());
    assert!(object.metadata.creation_timestamp.is_some());
    assert_eq!(object.generation(), 1);
    assert_eq!(object.data, json!({"spec": {"x": 1}}));
}

async fn create_drops_status(kit: Fixture) {
    let object = kit.create("a", json!({"status": {"seen": 1}})).await;
    assert_eq!(object.data.get("status"), None);
}

async fn create_twice_is_refused(kit: Fixture) {
    kit.create("a", json!({})).await;
    let again = kit.try_create(kit.thing("a", &json!({}))).await;
    assert!(again.is_err_and(|error| error.is_already_exists()));
}

async fn create_with_version_is_refused(kit: Fixture) {
    let object = kit.thing("a", &json!({"metadata": {"resourceVersion": "1"}}));
    assert!(kit.try_create(object).await.is_err());
}

async fn create_without_name_is_refused(kit: Fixture) {
    let object = kit.thing("a", &json!({"metadata": {"name": null}}));
    let refused = kit.try_create(object).await;
    assert!(
        matches!(refused, Err(StoreError::Invalid { .. })),
        "{refused:?}"
    );
}

async fn generated_names_differ(kit: Fixture) {
    let fields = json!({"metadata": {"name": null, "generateName": "a-"}});
    let first = kit.create("", fields.clone()).await;
    let second = kit.create("", fields).await;
    assert_ne!(first.name(), second.name());
    for object in [first, second] {
        let suffix = object
            .name()
            .strip_prefix("a-")
            .expect("the name begins as asked");
        assert_eq!(suffix.len(), 5, "{suffix}");
    }
}

async fn written_is_read(kit: Fixture) {
    let created = kit.create("a", json!({})).await;
    assert_eq!(kit.get("a").await, created);
    let updated = kit.update(kit.thing("a", &json!({"spec": {"x": 1}}))).await;
    assert_eq!(kit.get("a").await, updated);
    assert_eq!(kit.list(&kit.here()).await.items, [updated]);
}

async fn update_of_nothing_is_refused(kit: Fixture) {
    let refused = kit.try_update(kit.thing("a", &json!({}))).await;
    assert!(refused.is_err_and(|error| error.is_not_found()));
}

async fn stale_version_conflicts(kit: Fixture) {
    let old = kit.create("a", json!({})).await.as_ref().clone();
    kit.update(kit.thing("a", &json!({"spec": {"x": 1}}))).await;
    let refused = kit.try_update(old.clone()).await.expect_err("it is stale");
    assert!(refused.is_conflict(), "{refused:?}");
    let status = kit.store.update_status(old, &WriteOptions::default()).await;
    assert!(status.is_err_and(|error| error.is_conflict()));
}

async fn absent_version_overwrites(kit: Fixture) {
    kit.create("a", json!({"spec": {"x": 1}})).await;
    let updated = kit.update(kit.thing("a", &json!({"spec": {"y": 1}}))).await;
    assert_eq!(updated.data["spec"], json!({"y": 1}));
}

async fn other_uid_conflicts(kit: Fixture) {
    kit.create("a", json!({})).await;
    let other = kit.thing("a", &json!({"metadata": {"uid": "another"}}));
    let refused = kit.try_update(other).await;
    assert!(refused.is_err_and(|error| error.is_conflict()));
}

async fn update_leaves_status(kit: Fixture) {
    kit.create("a", json!({})).await;
    kit.update_status(kit.thing("a", &json!({"status": {"seen": 1}})))
        .await;
    let fields = json!({"spec": {"x": 1}, "status": {"seen": 2}});
    let updated = kit.update(kit.thing("a", &fields)).await;
    assert_eq!(
        updated.data,
        json!({"spec": {"x": 1}, "status": {"seen": 1}})
    );
}

async fn status_update_leaves_the_rest(kit: Fixture) {
    kit.create("a", json!({"spec": {"x": 1}})).await;
    let fields = json!({
        "metadata": {"labels": {"l": "1"}, "finalizers": ["kit.dev/f"]},
        "spec": {"x": 2}, "status": {"seen": 1},
    });
    let updated = kit.update_status(kit.thing("a", &fields)).await;
    assert_eq!(
        updated.data,
        json!({"spec": {"x": 1}, "status": {"seen": 1}})
    );
    assert_eq!(updated.metadata.labels, None);
    assert_eq!(updated.metadata.finalizers, None);
}

async fn generation_counts_changes_of_the_spec(kit: Fixture) {
    kit.create("a", json!({"spec": {"x": 1}})).await;
    let rows = [
        (json!({"spec": {"x": 2}}), 2),
        (
            json!({"spec": {"x": 2}, "metadata": {"labels": {"l": "1"}}}),
            2,
        ),
        (json!({"spec": {"x": 2}, "more": true}), 3),
        (json!({"spec": {"x": 2}}), 4),
    ];
    for (fields, generation) in rows {
        let updated = kit.update(kit.thing("a", &fields)).await;
        assert_eq!(updated.generation(), generation, "{fields}");
    }
    let updated = kit
        .update_status(kit.thing("a", &json!({"status": {"seen": 1}})))
        .await;
    assert_eq!(updated.generation(), 4);
}

async fn write_without_change_changes_nothing(kit: Fixture) {
    let created = kit.create("a", json!({"spec": {"x": 1}})).await;
    let mut events = kit.watch(kit.now().await).await;
    assert_eq!(kit.update(created.as_ref().clone()).await, created);
    let same = kit.update(kit.thing("a", &json!({"spec": {"x": 1}}))).await;
    assert_eq!(same, created);
    assert_eq!(kit.update_status(created.as_ref().clone()).await, created);
    kit.create("b", json!({})).await;
    assert_eq!(next(&mut events).await, "added b");
}

async fn system_metadata_is_kept(kit: Fixture) {
    let created = kit.create("a", json!({})).await;
    let fields = json!({"metadata": {
        "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 77,
        "deletionTimestamp": "2001-01-01T00:00:00Z", "labels": {"l": "1"},
    }});
    let updated = kit.update(kit.thing("a", &fields)).await;
    let mut expected = created.metadata.clone();
    expected.labels.clone_from(&updated.metadata.labels);
    expected
        .resource_version
        .clone_from(&updated.metadata.resource_version);
    expected
        .managed_fields
        .clone_from(&updated.metadata.managed_fields);
    assert_eq!(updated.metadata, expected);
    assert_ne!(version(&updated), version(&created));
}

async fn dry_run_stores_nothing(kit: Fixture) {
    let trial = WriteOptions {
        dry_run: true,
        ..WriteOptions::default()
    };
    let created = kit.store.create(kit.thing("a", &json!({})), &trial).await;
    assert_eq!(created.expect("it would do").object.name(), "a");
    assert!(!kit.exists("a").await);
    let before = kit.create("a", json!({})).await;
    let updated = kit
        .store
        .update(kit.thing("a", &json!({"spec": {"x": 1}})), &trial)
        .await;
    assert_eq!(updated.expect("it would do").object.generation(), 2);
    assert_eq!(kit.get("a").await, before);
}

async fn one_of_racing_updates_wins(kit: Fixture) {
    let created = kit.create("a", json!({})).await;
    let racers = (0..10).map(|racer| {
        let mut object = created.as_ref().clone();
        object.data["spec"] = json!({"racer": racer});
        kit.try_update(object)
    });
    let results = futures::future::join_all(racers).await;
    let won = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(won, 1);
    let lost = results.into_iter().filter_map(Result::err);
    assert!(lost.into_iter().all(|error| error.is_conflict()));
}

async fn unknown_kind_is_refused(kit: Fixture) {
    let object = kit.thing("a", &json!({"kind": "Nothing"}));
    let refused = kit.try_create(object).await;
    assert!(
        matches!(refused, Err(StoreError::UnknownKind { .. })),
        "{refused:?}"
    );
}
