//! What survives a crash.

use serde_json::json;

use crate::{
    object::ObjectExt as _,
    store::{ListOptions, Propagation, WriteOptions},
};

use super::{
    Capabilities, Case,
    fixture::{Fixture, SHADOW, expect, version},
};

pub(super) fn cases() -> Vec<Case> {
    let restarts = |capabilities: &Capabilities| capabilities.restart;
    let cases = vec![
        Case::new("acknowledged_writes_survive", acknowledged_writes_survive),
        Case::new("versions_go_on_after_a_crash", versions_go_on_after_a_crash),
        Case::new("watches_resume_after_a_crash", watches_resume_after_a_crash),
        Case::new(
            "volatile_objects_do_not_survive",
            volatile_objects_do_not_survive,
        ),
        Case::new(
            "deletions_go_on_after_a_crash",
            deletions_go_on_after_a_crash,
        ),
    ];
    cases
        .into_iter()
        .map(|case| case.only_if(restarts))
        .collect()
}

async fn acknowledged_writes_survive(kit: Fixture) {
    for number in 0..20 {
        kit.create(
            &format!("a{number:02}"),
            json!({"spec": {"number": number}}),
        )
        .await;
    }
    kit.update(kit.thing("a03", &json!({"spec": {"number": 33}})))
        .await;
    kit.update_status(kit.thing("a04", &json!({"status": {"seen": 1}})))
        .await;
    kit.delete("a05", Propagation::Background).await;
    let before = kit.list(&kit.here()).await.items;
    let kit = kit.restarted().await;
    assert_eq!(kit.list(&kit.here()).await.items, before);
    let kit = kit.restarted().await;
    assert_eq!(kit.list(&kit.here()).await.items, before);
}

async fn versions_go_on_after_a_crash(kit: Fixture) {
    let before = kit.create("a", json!({})).await;
    let kit = kit.restarted().await;
    let after = kit.create("b", json!({})).await;
    assert_ne!(version(&before), version(&after));
    assert_ne!(before.uid(), after.uid());
    let stale = kit.try_update(before.as_ref().clone()).await;
    assert!(stale.is_ok(), "nothing changed meanwhile: {stale:?}");
}

async fn watches_resume_after_a_crash(kit: Fixture) {
    let start = kit.now().await;
    kit.create("a", json!({})).await;
    let kit = kit.restarted().await;
    let mut events = kit.watch(start).await;
    kit.create("b", json!({})).await;
    expect(&mut events, &["added a", "added b"]).await;
}

async fn volatile_objects_do_not_survive(kit: Fixture) {
    let shadow = kit.thing("a", &json!({"kind": "Shadow"}));
    kit.store
        .create(shadow, &WriteOptions::default())
        .await
        .expect("created");
    let kit = kit.restarted().await;
    let shadows = kit
        .store
        .list(&SHADOW, &ListOptions::default())
        .await
        .expect("a list");
    assert!(shadows.items.is_empty());
}

async fn deletions_go_on_after_a_crash(kit: Fixture) {
    kit.create("a", json!({"metadata": {"finalizers": ["kit.dev/held"]}}))
        .await;
    kit.delete("a", Propagation::Background).await;
    let kit = kit.restarted().await;
    assert!(kit.get("a").await.is_deleting());
    kit.release("a").await;
    kit.eventually(&[]).await;
}
