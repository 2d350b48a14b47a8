use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::{
    Ids, Kind, Kinds, Scope, SystemClock, TokioClock,
    object::{GroupKind, Object, ObjectExt as _, ObjectKey},
    schema::Schema,
    store::{
        DeleteOptions, Deleted, ListOptions, Propagation, Store as _, StoreError, WatchEvent,
        WatchOptions, WatchStart, WatchStream, WriteOptions, codec::object_from_value,
    },
};

use super::MemoryStore;

const THING: GroupKind = GroupKind::new("example.dev", "Thing");

fn kinds() -> Kinds {
    let schema = Arc::new(Schema::default());
    let mut kinds = Kinds::new();
    let mut namespace = Kind::new("", "v1", "Namespace", "namespaces", Arc::clone(&schema));
    namespace.scope = Scope::Cluster;
    kinds.register(namespace);
    let mut map = Kind::new("", "v1", "ConfigMap", "configmaps", Arc::clone(&schema));
    map.status = false;
    kinds.register(map);
    kinds.register(Kind::new("example.dev", "v1", "Thing", "things", schema));
    kinds
}

fn store() -> MemoryStore {
    MemoryStore::new(
        Arc::new(kinds()),
        Arc::new(SystemClock),
        Arc::new(Ids::seeded(1)),
    )
}

fn thing(name: &str, fields: &Value) -> Object {
    let mut value = json!({
        "apiVersion": "example.dev/v1", "kind": "Thing",
        "metadata": {"name": name, "namespace": "default"},
    });
    json_patch::merge(&mut value, fields);
    object_from_value(value).expect("an object")
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new(THING, "default", name)
}

async fn create(store: &MemoryStore, name: &str, fields: Value) -> Arc<Object> {
    let options = WriteOptions::default();
    let created = store.create(thing(name, &fields), &options).await;
    created.expect("created").object
}

fn owned_by(owner: &Object, blocks: bool) -> Value {
    json!({"metadata": {"ownerReferences": [{
        "apiVersion": "example.dev/v1", "kind": "Thing", "name": owner.name(), "uid": owner.uid(),
        "blockOwnerDeletion": blocks,
    }]}})
}

async fn names(store: &MemoryStore) -> Vec<String> {
    let list = store.list(&THING, &ListOptions::default()).await;
    let items = list.expect("a list").items;
    items
        .iter()
        .map(|object| object.name().to_owned())
        .collect()
}

async fn delete(store: &MemoryStore, name: &str, propagation: Propagation) -> Deleted {
    let options = DeleteOptions {
        propagation,
        ..DeleteOptions::default()
    };
    store.delete(&key(name), &options).await.expect("deleted")
}

async fn next(events: &mut WatchStream) -> String {
    match events.next().await.expect("an event").expect("no error") {
        WatchEvent::Added(object) => format!("added {}", object.name()),
        WatchEvent::Modified(object) => format!("modified {}", object.name()),
        WatchEvent::Deleted(object) => format!("deleted {}", object.name()),
        WatchEvent::Bookmark { .. } => "bookmark".to_owned(),
    }
}

#[tokio::test]
async fn dependents_go_with_their_last_owner() {
    let store = store();
    let first = create(&store, "first", json!({})).await;
    let second = create(&store, "second", json!({})).await;
    let mut owners = owned_by(&first, false);
    let more = owned_by(&second, false)["metadata"]["ownerReferences"][0].clone();
    owners["metadata"]["ownerReferences"]
        .as_array_mut()
        .expect("a list")
        .push(more);
    create(&store, "child", owners).await;
    let child = store.get(&key("child")).await.expect("a child");
    create(&store, "grandchild", owned_by(&child, true)).await;

    delete(&store, "first", Propagation::Background).await;
    let child = store
        .get(&key("child"))
        .await
        .expect("it has an owner left");
    assert_eq!(
        child.metadata.owner_references.as_ref().map(Vec::len),
        Some(1)
    );
    delete(&store, "second", Propagation::Background).await;
    assert!(names(&store).await.is_empty());
}

#[tokio::test]
async fn foreground_waits_for_those_that_block() {
    let store = store();
    let owner = create(&store, "owner", json!({})).await;
    let mut held = owned_by(&owner, true);
    held["metadata"]["finalizers"] = json!(["example.dev/hold"]);
    create(&store, "held", held).await;
    create(&store, "free", owned_by(&owner, false)).await;
    create(&store, "blocking", owned_by(&owner, true)).await;

    let deleted = delete(&store, "owner", Propagation::Foreground).await;
    assert!(matches!(deleted, Deleted::Finalizing(_)));
    assert_eq!(names(&store).await, ["free", "held", "owner"]);

    let mut held = store
        .get(&key("held"))
        .await
        .expect("it is held")
        .as_ref()
        .clone();
    assert!(held.is_deleting());
    held.metadata.finalizers = None;
    store
        .update(held, &WriteOptions::default())
        .await
        .expect("released");
    assert!(names(&store).await.is_empty());
}

#[tokio::test]
async fn orphans_stay() {
    let store = store();
    let owner = create(&store, "owner", json!({})).await;
    create(&store, "child", owned_by(&owner, true)).await;
    delete(&store, "owner", Propagation::Orphan).await;
    assert_eq!(names(&store).await, ["child"]);
    let child = store.get(&key("child")).await.expect("a child");
    assert_eq!(child.metadata.owner_references, None);
}

#[tokio::test]
async fn an_absent_owner_takes_the_new_object_with_it() {
    let store = store();
    let owner = create(&store, "owner", json!({})).await;
    delete(&store, "owner", Propagation::Background).await;
    create(&store, "child", owned_by(&owner, true)).await;
    assert!(names(&store).await.is_empty());
}

#[tokio::test]
async fn namespaces_live_and_end() {
    let store = store();
    let mut object = thing("team", &json!({}));
    object.types = Some(kube_core::TypeMeta {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
    });
    let written = store
        .create(object, &WriteOptions::default())
        .await
        .expect("created");
    assert_eq!(written.object.data["status"]["phase"], "Active");
    let root = ObjectKey::new(GroupKind::new("", "ConfigMap"), "team", "kube-root-ca.crt");
    store.get(&root).await.expect("every namespace has it");
    store
        .delete(&root, &DeleteOptions::default())
        .await
        .expect("deleted");
    store.get(&root).await.expect("it comes back");

    let inside = json!({"metadata": {"namespace": "team", "finalizers": ["example.dev/hold"]}});
    create(&store, "held", inside.clone()).await;
    let namespace = ObjectKey::new(GroupKind::new("", "Namespace"), "", "team");
    store
        .delete(&namespace, &DeleteOptions::default())
        .await
        .expect("it begins to end");
    let ending = store.get(&namespace).await.expect("it waits");
    assert_eq!(ending.data["status"]["phase"], "Terminating");
    let late = store
        .create(thing("late", &inside), &WriteOptions::default())
        .await;
    assert_eq!(
        late.expect_err("it ends").to_string(),
        "things.example.dev \"late\" is forbidden: unable to create new content in namespace team because it is being terminated"
    );
    let held = ObjectKey::new(THING, "team", "held");
    let mut released = store.get(&held).await.expect("held").as_ref().clone();
    released.metadata.finalizers = None;
    store
        .update(released, &WriteOptions::default())
        .await
        .expect("released");
    assert!(
        store
            .get(&namespace)
            .await
            .is_err_and(|error| error.is_not_found())
    );
    let missing = create_in(&store, "nowhere")
        .await
        .expect_err("there is no such namespace");
    assert!(matches!(&missing, StoreError::NotFound { key } if key.kind.kind == "Namespace"));
}

async fn create_in(store: &MemoryStore, namespace: &str) -> Result<(), StoreError> {
    let object = thing("a", &json!({"metadata": {"namespace": namespace}}));
    let created = store.create(object, &WriteOptions::default()).await;
    created.map(|_| ())
}

#[tokio::test]
async fn watches_resume_and_filter() {
    let store = store();
    let start = store
        .list(&THING, &ListOptions::default())
        .await
        .expect("a list");
    create(&store, "a", json!({"metadata": {"labels": {"on": "1"}}})).await;
    let mut options = WatchOptions {
        start: WatchStart::After(start.resource_version),
        ..WatchOptions::default()
    };
    let mut all = store.watch(&THING, &options).await.expect("a watch");
    options.labels = "on=1".parse().expect("a selector");
    let mut some = store.watch(&THING, &options).await.expect("a watch");
    let off = thing("a", &json!({"spec": {"x": 1}}));
    store
        .update(off, &WriteOptions::default())
        .await
        .expect("updated");
    let on = thing("a", &json!({"metadata": {"labels": {"on": "1"}}}));
    store
        .update(on, &WriteOptions::default())
        .await
        .expect("updated");
    delete(&store, "a", Propagation::Background).await;
    for want in ["added a", "modified a", "modified a", "deleted a"] {
        assert_eq!(next(&mut all).await, want);
    }
    for want in ["added a", "deleted a", "added a", "deleted a"] {
        assert_eq!(next(&mut some).await, want);
    }
}

#[tokio::test]
async fn pages_show_one_state() {
    let store = store();
    for name in ["a", "b", "c", "d"] {
        create(&store, name, json!({})).await;
    }
    let mut options = ListOptions {
        limit: Some(2),
        ..ListOptions::default()
    };
    let first = store.list(&THING, &options).await.expect("a page");
    assert_eq!(first.remaining, Some(2));
    delete(&store, "c", Propagation::Background).await;
    create(&store, "e", json!({})).await;
    options.continue_token = first.continue_token;
    let second = store.list(&THING, &options).await.expect("a page");
    let listed: Vec<&str> = second.items.iter().map(|object| object.name()).collect();
    assert_eq!(listed, ["c", "d"]);
    assert_eq!(
        (second.continue_token, second.resource_version),
        (None, first.resource_version)
    );
}

fn event(name: &str) -> Object {
    let value = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": "default"},
    });
    object_from_value(value).expect("an object")
}

fn event_store() -> MemoryStore {
    let mut kinds = kinds();
    let schema = Arc::new(Schema::default());
    kinds.register(Kind::new("", "v1", "Event", "events", schema));
    let clock = TokioClock::starting_at(jiff::Timestamp::UNIX_EPOCH);
    let (kinds, ids) = (Arc::new(kinds), Arc::new(Ids::seeded(1)));
    MemoryStore::new(kinds, Arc::new(clock), ids)
}

async fn events_of(store: &MemoryStore) -> Vec<String> {
    let kind = GroupKind::new("", "Event");
    let list = store.list(&kind, &ListOptions::default()).await;
    let items = list.expect("a list").items;
    items
        .iter()
        .map(|object| object.name().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn events_end_after_an_hour() {
    let store = event_store();
    let options = WriteOptions::default();
    for name in ["a", "b"] {
        store.create(event(name), &options).await.expect("created");
    }
    tokio::time::advance(Duration::from_secs(3_000)).await;
    let mut again = event("a");
    again.data["count"] = json!(2);
    store.update(again, &options).await.expect("updated");
    tokio::time::advance(Duration::from_secs(600)).await;
    assert_eq!(events_of(&store).await, ["a"]);
    let gone = ObjectKey::new(GroupKind::new("", "Event"), "default", "b");
    assert!(
        store
            .get(&gone)
            .await
            .is_err_and(|error| error.is_not_found())
    );
    tokio::time::advance(Duration::from_secs(3_000)).await;
    assert!(events_of(&store).await.is_empty());
}

#[tokio::test]
async fn events_are_bounded_in_number() {
    let store = event_store();
    for number in 0..5_003 {
        let event = event(&format!("e{number:04}"));
        store
            .create(event, &WriteOptions::default())
            .await
            .expect("created");
    }
    let events = events_of(&store).await;
    assert_eq!((events.len(), events[0].as_str()), (5_000, "e0003"));
}

/// More changes than are kept however old they are, each of a size, and then one that is a second younger.
async fn change(store: &MemoryStore, size: usize) {
    let options = WriteOptions::default();
    for number in 0..120 {
        let text = "x".repeat(size);
        let fields = json!({"spec": {"number": number, "text": text}});
        store
            .update(thing("a", &fields), &options)
            .await
            .expect("updated");
    }
    tokio::time::advance(Duration::from_secs(1)).await;
    let last = thing("a", &json!({"spec": {}}));
    store.update(last, &options).await.expect("updated");
}

#[tokio::test(start_paused = true)]
async fn changes_are_kept_for_those_who_are_behind_up_to_a_bound() {
    const SOME: usize = 8 << 10;
    const MUCH: usize = 256 << 10;
    let store = event_store();
    let first = create(&store, "a", json!({})).await;
    let version = first.metadata.resource_version.clone().unwrap();
    let options = WatchOptions {
        start: WatchStart::After(version),
        ..WatchOptions::default()
    };
    let watch = async || store.watch(&THING, &options).await;
    let mut behind = watch().await.expect("a watch");
    change(&store, SOME).await;
    assert!(behind.next().await.is_some_and(|event| event.is_ok()));

    let mut far_behind = watch().await.expect("nothing was forgotten");
    change(&store, MUCH).await;
    let event = far_behind.next().await.expect("an end that is told");
    assert!(
        matches!(event, Err(StoreError::Expired { .. })),
        "{event:?}"
    );

    drop((behind, far_behind));
    let created = create(&store, "b", json!({})).await;
    let version = created.metadata.resource_version.clone().unwrap();
    change(&store, SOME).await;
    let options = WatchOptions {
        start: WatchStart::After(version),
        ..WatchOptions::default()
    };
    let refused = store.watch(&THING, &options).await;
    assert!(
        matches!(refused, Err(StoreError::Expired { .. })),
        "nobody watched"
    );
}

#[tokio::test(start_paused = true)]
async fn bookmarks_come_from_time_to_time() {
    let store = store();
    let options = WatchOptions {
        bookmarks: true,
        ..WatchOptions::default()
    };
    let mut events = store.watch(&THING, &options).await.expect("a watch");
    assert_eq!(next(&mut events).await, "bookmark");
    let before = tokio::time::Instant::now();
    assert_eq!(next(&mut events).await, "bookmark");
    assert_eq!(before.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_store() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let store = event_store();
        let owner = create(&store, "a", json!({})).await;
        create(&store, "b", owned_by(&owner, true)).await;
        delete(&store, "a", Propagation::Foreground).await;
        create(
            &store,
            "",
            json!({"metadata": {"generateName": "c-", "name": null}}),
        )
        .await;
        let mut events = store
            .watch(&THING, &WatchOptions::default())
            .await
            .expect("a watch");
        seen.push(events.next().await.expect("an event").expect("no error"));
    }
    assert_eq!(seen[0], seen[1]);
}
