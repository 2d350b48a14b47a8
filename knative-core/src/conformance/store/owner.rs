//! Garbage collection by owner references.

use serde_json::{Value, json};

use crate::{
    object::{Object, ObjectExt as _},
    store::{Deleted, Propagation},
};

use super::{
    Capabilities, Case, GROUP,
    fixture::{Fixture, expect},
};

pub(super) fn cases() -> Vec<Case> {
    let collects = |capabilities: &Capabilities| capabilities.garbage_collection;
    let cases = vec![
        Case::new(
            "dependents_follow_their_owner",
            dependents_follow_their_owner,
        ),
        Case::new(
            "dependents_stay_while_an_owner_is_left",
            dependents_stay_while_an_owner_is_left,
        ),
        Case::new(
            "foreground_removes_dependents_first",
            foreground_removes_dependents_first,
        ),
        Case::new(
            "foreground_waits_only_for_those_that_block",
            foreground_waits_only_for_those_that_block,
        ),
        Case::new("orphans_stay", orphans_stay),
        Case::new("absent_owners_count_as_gone", absent_owners_count_as_gone),
        Case::new("recreated_owners_are_others", recreated_owners_are_others),
    ];
    cases
        .into_iter()
        .map(|case| case.only_if(collects))
        .collect()
}

fn reference(owner: &Object, blocks: bool) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": "Thing", "name": owner.name(), "uid": owner.uid(),
        "controller": false, "blockOwnerDeletion": blocks,
    })
}

fn owned(owners: &[&Object]) -> Value {
    let references: Vec<Value> = owners.iter().map(|owner| reference(owner, true)).collect();
    json!({"metadata": {"ownerReferences": references}})
}

async fn dependents_follow_their_owner(kit: Fixture) {
    let owner = kit.create("a", json!({})).await;
    let child = kit.create("b", owned(&[&owner])).await;
    kit.create("c", owned(&[&child])).await;
    kit.create("d", json!({})).await;
    kit.delete("a", Propagation::Background).await;
    kit.eventually(&["d"]).await;
}

async fn dependents_stay_while_an_owner_is_left(kit: Fixture) {
    let first = kit.create("a", json!({})).await;
    let second = kit.create("b", json!({})).await;
    kit.create("c", owned(&[&first, &second])).await;
    kit.delete("a", Propagation::Background).await;
    kit.eventually(&["b", "c"]).await;
    kit.delete("b", Propagation::Background).await;
    kit.eventually(&[]).await;
}

async fn foreground_removes_dependents_first(kit: Fixture) {
    let owner = kit.create("a", json!({})).await;
    let child = kit.create("b", owned(&[&owner])).await;
    kit.create("c", owned(&[&child])).await;
    let mut events = kit.watch(kit.now().await).await;
    let deleted = kit.delete("a", Propagation::Foreground).await;
    assert!(matches!(deleted, Deleted::Finalizing(_)), "{deleted:?}");
    kit.eventually(&[]).await;
    expect(
        &mut events,
        &[
            "modified a",
            "modified b",
            "deleted c",
            "deleted b",
            "deleted a",
        ],
    )
    .await;
}

async fn foreground_waits_only_for_those_that_block(kit: Fixture) {
    let owner = kit.create("a", json!({})).await;
    let mut held = owned(&[&owner]);
    held["metadata"]["finalizers"] = json!(["kit.dev/held"]);
    kit.create("held", held.clone()).await;
    held["metadata"]["ownerReferences"] = json!([reference(&owner, false)]);
    kit.create("loose", held).await;
    kit.delete("a", Propagation::Foreground).await;
    assert_eq!(kit.names().await, ["a", "held", "loose"]);
    kit.release("held").await;
    kit.eventually(&["loose"]).await;
}

async fn orphans_stay(kit: Fixture) {
    let owner = kit.create("a", json!({})).await;
    kit.create("b", owned(&[&owner])).await;
    kit.delete("a", Propagation::Orphan).await;
    kit.eventually(&["b"]).await;
    assert_eq!(kit.get("b").await.metadata.owner_references, None);
}

async fn absent_owners_count_as_gone(kit: Fixture) {
    let owner = kit.create("a", json!({})).await;
    kit.delete("a", Propagation::Background).await;
    kit.create("b", owned(&[&owner])).await;
    kit.eventually(&[]).await;
}

async fn recreated_owners_are_others(kit: Fixture) {
    let owner = kit.create("a", json!({})).await;
    kit.delete("a", Propagation::Background).await;
    kit.create("a", json!({})).await;
    kit.create("b", owned(&[&owner])).await;
    kit.eventually(&["a"]).await;
}
