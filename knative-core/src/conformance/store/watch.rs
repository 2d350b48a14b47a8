//! Watches.

use futures::StreamExt as _;
use serde_json::json;

use crate::{
    object::ObjectExt as _,
    store::{Propagation, StoreError, WatchEvent, WatchOptions, WatchStart},
};

use super::{
    Case,
    fixture::{Fixture, THING, expect, next, version},
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "watch_begins_with_what_exists",
            watch_begins_with_what_exists,
        ),
        Case::new(
            "watch_resumes_after_a_version",
            watch_resumes_after_a_version,
        ),
        Case::new(
            "watch_resumes_after_any_event",
            watch_resumes_after_any_event,
        ),
        Case::new(
            "watch_marks_the_end_of_what_existed",
            watch_marks_the_end_of_what_existed,
        ),
        Case::new("watch_tells_the_last_state", watch_tells_the_last_state),
        Case::new(
            "watch_turns_leaving_into_deletion",
            watch_turns_leaving_into_deletion,
        ),
        Case::new("watch_selects_fields", watch_selects_fields),
        Case::new("watch_keeps_to_its_namespace", watch_keeps_to_its_namespace),
        Case::new(
            "watch_misses_nothing_under_load",
            watch_misses_nothing_under_load,
        ),
        Case::new(
            "watch_of_the_forgotten_expires",
            watch_of_the_forgotten_expires,
        )
        .only_if(|capabilities| capabilities.history.is_some()),
        Case::new(
            "watch_that_falls_behind_expires",
            watch_that_falls_behind_expires,
        )
        .only_if(|capabilities| capabilities.history.is_some()),
    ]
}

async fn watch_begins_with_what_exists(kit: Fixture) {
    kit.create("b", json!({})).await;
    kit.create("a", json!({})).await;
    let mut events = kit.watch(WatchStart::Existing).await;
    kit.update(kit.thing("a", &json!({"spec": {"x": 1}}))).await;
    expect(&mut events, &["added a", "added b", "modified a"]).await;
}

async fn watch_resumes_after_a_version(kit: Fixture) {
    kit.create("a", json!({})).await;
    let start = kit.now().await;
    kit.create("b", json!({})).await;
    kit.update(kit.thing("a", &json!({"spec": {"x": 1}}))).await;
    kit.delete("b", Propagation::Background).await;
    let mut events = kit.watch(start).await;
    expect(&mut events, &["added b", "modified a", "deleted b"]).await;
}

async fn watch_resumes_after_any_event(kit: Fixture) {
    let first = kit.create("a", json!({})).await;
    kit.create("b", json!({})).await;
    let start = WatchStart::After(version(&first).to_owned());
    assert_eq!(next(&mut kit.watch(start).await).await, "added b");
}

async fn watch_marks_the_end_of_what_existed(kit: Fixture) {
    kit.create("a", json!({})).await;
    let options = WatchOptions {
        bookmarks: true,
        ..kit.watch_options(WatchStart::Existing)
    };
    let mut events = kit.watch_with(&options).await;
    expect(&mut events, &["added a", "initial events end"]).await;
    kit.create("b", json!({})).await;
    expect(&mut events, &["added b"]).await;
}

async fn watch_tells_the_last_state(kit: Fixture) {
    let created = kit.create("a", json!({"spec": {"x": 1}})).await;
    let mut events = kit.watch(kit.now().await).await;
    kit.delete("a", Propagation::Background).await;
    let event = events.next().await.expect("an event").expect("no error");
    let WatchEvent::Deleted(last) = event else {
        panic!("{event:?} is no deletion");
    };
    assert_eq!((last.uid(), &last.data), (created.uid(), &created.data));
    assert_ne!(version(&last), version(&created));
}

async fn watch_turns_leaving_into_deletion(kit: Fixture) {
    let options = WatchOptions {
        labels: "on=1".parse().expect("a selector"),
        ..kit.watch_options(kit.now().await)
    };
    let mut events = kit.watch_with(&options).await;
    let on = json!({"metadata": {"labels": {"on": "1"}}});
    kit.create("a", json!({})).await;
    kit.update(kit.thing("a", &on)).await;
    kit.update_status(kit.thing("a", &json!({"status": {"seen": 1}})))
        .await;
    let off = kit.update(kit.thing("a", &json!({}))).await;
    expect(&mut events, &["added a", "modified a"]).await;
    let event = events.next().await.expect("an event").expect("no error");
    let WatchEvent::Deleted(last) = event else {
        panic!("{event:?} is no deletion");
    };
    assert_eq!(last.label("on"), Some("1"), "the last state that matched");
    assert_eq!(version(&last), version(&off), "the version of the change");
    kit.update(kit.thing("a", &on)).await;
    expect(&mut events, &["added a"]).await;
}

async fn watch_selects_fields(kit: Fixture) {
    let options = WatchOptions {
        fields: "metadata.name=b".parse().expect("a selector"),
        ..kit.watch_options(WatchStart::Existing)
    };
    let mut events = kit.watch_with(&options).await;
    kit.create("a", json!({})).await;
    kit.create("b", json!({})).await;
    expect(&mut events, &["added b"]).await;
}

async fn watch_keeps_to_its_namespace(kit: Fixture) {
    kit.create_namespace("kit-elsewhere").await;
    let mut events = kit.watch(kit.now().await).await;
    let elsewhere = json!({"metadata": {"namespace": "kit-elsewhere"}});
    kit.create("a", elsewhere).await;
    kit.create("b", json!({})).await;
    expect(&mut events, &["added b"]).await;
}

async fn watch_misses_nothing_under_load(kit: Fixture) {
    let mut events = kit.watch(kit.now().await).await;
    let writers = (0..8).map(|writer| {
        let kit = &kit;
        async move {
            for number in 0..20 {
                kit.create(&format!("w{writer}-{number:02}"), json!({}))
                    .await;
            }
        }
    });
    let mut seen = Vec::new();
    let read = async {
        while seen.len() < 160 {
            seen.push(next(&mut events).await);
        }
    };
    futures::future::join(futures::future::join_all(writers), read).await;
    let mut of_one = seen.iter().filter(|event| event.starts_with("added w3-"));
    for number in 0..20 {
        assert_eq!(
            of_one.next(),
            Some(&format!("added w3-{number:02}")),
            "in order"
        );
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 160);
}

/// Makes so many changes that those before are forgotten.
async fn forget(kit: &Fixture) {
    let changes = kit.harness.capabilities().history.unwrap_or_default();
    for change in 0..=changes {
        kit.update(kit.thing("a", &json!({"spec": {"change": change}})))
            .await;
    }
}

async fn watch_of_the_forgotten_expires(kit: Fixture) {
    let start = kit.now().await;
    kit.create("a", json!({})).await;
    forget(&kit).await;
    let refused = kit.store.watch(&THING, &kit.watch_options(start)).await;
    assert!(
        matches!(refused, Err(StoreError::Expired { .. })),
        "it is forgotten"
    );
}

async fn watch_that_falls_behind_expires(kit: Fixture) {
    kit.create("a", json!({})).await;
    let mut events = kit.watch(kit.now().await).await;
    forget(&kit).await;
    let event = events.next().await.expect("an end that is told");
    assert!(
        matches!(event, Err(StoreError::Expired { .. })),
        "{event:?}"
    );
    assert!(events.next().await.is_none());
}
