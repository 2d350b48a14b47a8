//! What every case starts from, and the words it is written in.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::{
    Kinds,
    object::{GroupKind, Object, ObjectExt as _, ObjectKey},
    store::{
        DeleteOptions, Deleted, ListOptions, ObjectList, Propagation, Store, StoreError, UserInfo,
        WatchEvent, WatchOptions, WatchStart, WatchStream, WriteOptions, codec::object_from_value,
    },
};

use super::{GROUP, Harness, kit_kinds};

/// The kind of most cases.
pub(super) const THING: GroupKind = GroupKind::new(GROUP, "Thing");
/// The kind that no journal keeps.
pub(super) const SHADOW: GroupKind = GroupKind::new(GROUP, "Shadow");
pub(super) const NAMESPACE: GroupKind = GroupKind::new("", "Namespace");

/// How long something that need not be immediate may take.
const EVENTUALLY: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

/// A store of its own, and a namespace of its own in it.
#[derive(Clone, Debug)]
pub(super) struct Fixture {
    pub(super) harness: Arc<dyn Harness>,
    pub(super) store: Arc<dyn Store>,
    pub(super) namespace: String,
    kinds: Arc<Kinds>,
}

/// How things are set up.
impl Fixture {
    pub(super) async fn open(harness: Arc<dyn Harness>, case: &str) -> Self {
        let kinds = Arc::new(kit_kinds());
        let store = harness.open(Arc::clone(&kinds)).await;
        let namespace = format!("kit-{}", case.replace('_', "-"));
        let fixture = Self {
            harness,
            store,
            namespace,
            kinds,
        };
        fixture.create_namespace(&fixture.namespace).await;
        fixture
    }

    /// The same after a crash of the store.
    pub(super) async fn restarted(self) -> Self {
        let kinds = Arc::clone(&self.kinds);
        let store = self.harness.restart(self.store, kinds).await;
        Self { store, ..self }
    }

    pub(super) async fn create_namespace(&self, name: &str) {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let namespace = object_from_value(namespace).expect("it is an object");
        let created = self.store.create(namespace, &WriteOptions::default()).await;
        assert!(created.is_ok(), "namespace {name}: {created:?}");
    }

    /// A thing, with `fields` merged in.
    pub(super) fn thing(&self, name: &str, fields: &Value) -> Object {
        let mut value = json!({
            "apiVersion": format!("{GROUP}/v1"), "kind": "Thing",
            "metadata": {"name": name, "namespace": self.namespace},
        });
        json_patch::merge(&mut value, fields);
        object_from_value(value).expect("it is an object")
    }

    pub(super) fn key(&self, name: &str) -> ObjectKey {
        ObjectKey::new(THING, self.namespace.as_str(), name)
    }
}

/// What is done to things; nothing of this may fail.
impl Fixture {
    pub(super) async fn create(&self, name: &str, fields: Value) -> Arc<Object> {
        let created = self.try_create(self.thing(name, &fields)).await;
        created.expect("the object can be created")
    }

    pub(super) async fn try_create(&self, object: Object) -> Result<Arc<Object>, StoreError> {
        let created = self.store.create(object, &WriteOptions::default()).await;
        created.map(|created| created.object)
    }

    pub(super) async fn update(&self, object: Object) -> Arc<Object> {
        self.try_update(object)
            .await
            .expect("the object can be updated")
    }

    pub(super) async fn try_update(&self, object: Object) -> Result<Arc<Object>, StoreError> {
        let updated = self.store.update(object, &WriteOptions::default()).await;
        updated.map(|updated| updated.object)
    }

    pub(super) async fn update_status(&self, object: Object) -> Arc<Object> {
        let updated = self
            .store
            .update_status(object, &WriteOptions::default())
            .await;
        updated.expect("the status can be updated").object
    }

    pub(super) async fn get(&self, name: &str) -> Arc<Object> {
        self.store
            .get(&self.key(name))
            .await
            .expect("the object exists")
    }

    pub(super) async fn exists(&self, name: &str) -> bool {
        self.store.get(&self.key(name)).await.is_ok()
    }

    pub(super) async fn delete(&self, name: &str, propagation: Propagation) -> Deleted {
        let options = DeleteOptions {
            user: UserInfo::default(),
            propagation,
            ..DeleteOptions::default()
        };
        let deleted = self.store.delete(&self.key(name), &options).await;
        deleted.expect("the object can be deleted")
    }

    /// Takes all finalizers off.
    pub(super) async fn release(&self, name: &str) {
        let mut object = self.get(name).await.as_ref().clone();
        object.metadata.finalizers = None;
        self.update(object).await;
    }
}

/// What is seen of things.
impl Fixture {
    pub(super) fn here(&self) -> ListOptions {
        ListOptions::within(self.namespace.as_str())
    }

    pub(super) async fn list(&self, options: &ListOptions) -> ObjectList {
        self.store.list(&THING, options).await.expect("a list")
    }

    pub(super) async fn names(&self) -> Vec<String> {
        names(&self.list(&self.here()).await)
    }

    /// Waits until exactly these things exist.
    pub(super) async fn eventually(&self, expected: &[&str]) {
        let deadline = tokio::time::Instant::now() + EVENTUALLY;
        loop {
            let names = self.names().await;
            if names == expected {
                return;
            }
            let late = tokio::time::Instant::now() > deadline;
            assert!(!late, "{names:?} exist, not {expected:?}");
            tokio::time::sleep(POLL).await;
        }
    }

    pub(super) fn watch_options(&self, start: WatchStart) -> WatchOptions {
        WatchOptions {
            namespace: Some(self.namespace.clone()),
            start,
            ..WatchOptions::default()
        }
    }

    pub(super) async fn watch(&self, start: WatchStart) -> WatchStream {
        self.watch_with(&self.watch_options(start)).await
    }

    pub(super) async fn watch_with(&self, options: &WatchOptions) -> WatchStream {
        self.store.watch(&THING, options).await.expect("a watch")
    }

    /// The start of a watch that sees what happens from now on.
    pub(super) async fn now(&self) -> WatchStart {
        WatchStart::After(self.list(&self.here()).await.resource_version)
    }
}

pub(super) fn names(list: &ObjectList) -> Vec<String> {
    list.items
        .iter()
        .map(|object| object.name().to_owned())
        .collect()
}

pub(super) fn version(object: &Object) -> &str {
    object
        .metadata
        .resource_version
        .as_deref()
        .unwrap_or_default()
}

/// The next event, as `added a`.
pub(super) async fn next(events: &mut WatchStream) -> String {
    let event = events.next().await.expect("the watch goes on");
    match event.expect("the watch is sound") {
        WatchEvent::Added(object) => format!("added {}", object.name()),
        WatchEvent::Modified(object) => format!("modified {}", object.name()),
        WatchEvent::Deleted(object) => format!("deleted {}", object.name()),
        WatchEvent::Bookmark {
            initial_events_end: true,
            ..
        } => "initial events end".to_owned(),
        WatchEvent::Bookmark { .. } => "bookmark".to_owned(),
    }
}

/// The next events are these.
pub(super) async fn expect(events: &mut WatchStream, expected: &[&str]) {
    for expected in expected {
        assert_eq!(next(events).await, *expected);
    }
}
