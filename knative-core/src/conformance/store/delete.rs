//! Removal and finalizers.

use serde_json::json;

use crate::{
    object::{Object, ObjectExt as _},
    store::{DeleteOptions, Deleted, Preconditions, Propagation, StoreError},
};

use super::{
    Case,
    fixture::{Fixture, expect, version},
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("delete_removes", delete_removes),
        Case::new("delete_of_nothing_is_refused", delete_of_nothing_is_refused),
        Case::new(
            "delete_keeps_to_preconditions",
            delete_keeps_to_preconditions,
        ),
        Case::new("delete_waits_for_finalizers", delete_waits_for_finalizers),
        Case::new("delete_again_is_fine", delete_again_is_fine),
        Case::new(
            "delete_in_a_dry_run_removes_nothing",
            delete_in_a_dry_run_removes_nothing,
        ),
        Case::new(
            "ending_objects_take_no_finalizers",
            ending_objects_take_no_finalizers,
        ),
        Case::new("names_can_be_used_again", names_can_be_used_again),
    ]
}

async fn delete_removes(kit: Fixture) {
    let created = kit.create("a", json!({})).await;
    let deleted = kit.delete("a", Propagation::Background).await;
    assert!(
        matches!(&deleted, Deleted::Gone(last) if last.uid() == created.uid()),
        "{deleted:?}"
    );
    assert!(!kit.exists("a").await);
}

async fn delete_of_nothing_is_refused(kit: Fixture) {
    let refused = kit
        .store
        .delete(&kit.key("a"), &DeleteOptions::default())
        .await;
    assert!(refused.is_err_and(|error| error.is_not_found()));
}

async fn delete_keeps_to_preconditions(kit: Fixture) {
    let created = kit.create("a", json!({})).await;
    let current = kit.update(kit.thing("a", &json!({"spec": {"x": 1}}))).await;
    let with = |uid: Option<&str>, version: Option<&str>| DeleteOptions {
        preconditions: Preconditions {
            uid: uid.map(str::to_owned),
            resource_version: version.map(str::to_owned),
        },
        ..DeleteOptions::default()
    };
    for options in [
        with(Some("another"), None),
        with(None, Some(version(&created))),
    ] {
        let refused = kit.store.delete(&kit.key("a"), &options).await;
        assert!(refused.is_err_and(|error| error.is_conflict()));
    }
    let options = with(Some(current.uid()), Some(version(&current)));
    let deleted = kit.store.delete(&kit.key("a"), &options).await;
    assert!(deleted.is_ok(), "{deleted:?}");
}

fn held(kit: &Fixture) -> Object {
    kit.thing(
        "a",
        &json!({"metadata": {"finalizers": ["kit.dev/one", "kit.dev/two"]}}),
    )
}

async fn delete_waits_for_finalizers(kit: Fixture) {
    kit.try_create(held(&kit)).await.expect("created");
    let mut events = kit.watch(kit.now().await).await;
    let deleted = kit.delete("a", Propagation::Background).await;
    assert!(matches!(deleted, Deleted::Finalizing(_)), "{deleted:?}");
    let waiting = kit.get("a").await;
    assert!(waiting.is_deleting());
    assert_eq!(waiting.metadata.deletion_grace_period_seconds, Some(0));
    assert_eq!(waiting.generation(), 2);
    let mut object = waiting.as_ref().clone();
    object.metadata.finalizers = Some(vec!["kit.dev/two".to_owned()]);
    assert!(kit.update(object).await.is_deleting());
    kit.release("a").await;
    assert!(!kit.exists("a").await);
    expect(&mut events, &["modified a", "modified a", "deleted a"]).await;
}

async fn delete_again_is_fine(kit: Fixture) {
    kit.try_create(held(&kit)).await.expect("created");
    kit.delete("a", Propagation::Background).await;
    let waiting = kit.get("a").await;
    let deleted = kit.delete("a", Propagation::Background).await;
    assert!(matches!(deleted, Deleted::Finalizing(_)), "{deleted:?}");
    assert_eq!(
        kit.get("a").await.metadata.deletion_timestamp,
        waiting.metadata.deletion_timestamp
    );
}

async fn delete_in_a_dry_run_removes_nothing(kit: Fixture) {
    let created = kit.create("a", json!({})).await;
    let options = DeleteOptions {
        dry_run: true,
        ..DeleteOptions::default()
    };
    let deleted = kit.store.delete(&kit.key("a"), &options).await;
    assert!(deleted.is_ok(), "{deleted:?}");
    assert_eq!(kit.get("a").await, created);
}

async fn ending_objects_take_no_finalizers(kit: Fixture) {
    kit.try_create(held(&kit)).await.expect("created");
    kit.delete("a", Propagation::Background).await;
    let mut object = kit.get("a").await.as_ref().clone();
    object
        .metadata
        .finalizers
        .get_or_insert_default()
        .push("kit.dev/three".to_owned());
    let refused = kit.try_update(object).await;
    assert!(
        matches!(refused, Err(StoreError::Invalid { .. })),
        "{refused:?}"
    );
}

async fn names_can_be_used_again(kit: Fixture) {
    let first = kit.create("a", json!({})).await;
    kit.delete("a", Propagation::Background).await;
    let second = kit.create("a", json!({})).await;
    assert_ne!(first.uid(), second.uid());
    assert_eq!(second.generation(), 1);
}
