//! The life of namespaces: what every one holds, and how it ends.

use std::sync::Arc;

use kube_core::TypeMeta;
use serde_json::{Value, json};

use crate::{
    Kind,
    object::{GroupKind, Object, ObjectExt as _, ObjectKey},
    store::{StoreError, namespace_ends},
};

use super::{gc::Work, state::State, write};

pub(super) const NAMESPACE: GroupKind = GroupKind::new("", "Namespace");
const SERVICE_ACCOUNT: GroupKind = GroupKind::new("", "ServiceAccount");
const CONFIG_MAP: GroupKind = GroupKind::new("", "ConfigMap");
/// The account that pods have unless they name another.
const DEFAULT_ACCOUNT: &str = "default";
/// Where pods find the API server's certificate authority.
const ROOT_CA: &str = "kube-root-ca.crt";
/// Held while a namespace has content.
const FINALIZER: &str = "kubernetes";
/// The namespaces that a cluster begins with and that manifests rely on.
const INITIAL: [&str; 2] = ["default", "kube-system"];

/// Creates the namespaces that always exist.
pub(super) fn begin(state: &mut State) {
    let Some(kind) = state.kinds.get(&NAMESPACE).cloned() else {
        return;
    };
    for name in INITIAL {
        let key = key_of(name);
        if state.get(&key).is_none() {
            let object = new_object(&kind, &key, json!({}));
            let object = write::stamp(state, &kind, &key, object);
            state.put(&key, complete(&key, object));
            state.work.push_back(Work::Furnish(name.to_owned()));
        }
    }
}

/// Refuses new objects in a namespace that is missing or ends. Without the kind Namespace every namespace exists.
pub(super) fn admit(state: &State, kind: &Kind, key: &ObjectKey) -> Result<(), StoreError> {
    if !kind.is_namespaced() || state.kinds.get(&NAMESPACE).is_none() {
        return Ok(());
    }
    let namespace = key_of(&key.namespace);
    match state.get(&namespace) {
        None => Err(StoreError::NotFound { key: namespace }),
        Some(namespace) if namespace.is_deleting() => Err(namespace_ends(kind, key)),
        Some(_) => Ok(()),
    }
}

/// Fills in what the store keeps in a new namespace.
pub(super) fn complete(key: &ObjectKey, mut object: Object) -> Object {
    if key.kind != NAMESPACE {
        return object;
    }
    let labels = object.metadata.labels.get_or_insert_default();
    labels.insert("kubernetes.io/metadata.name".to_owned(), key.name.clone());
    object.data["spec"]["finalizers"] = json!([FINALIZER]);
    object.data["status"] = json!({"phase": "Active"});
    object
}

/// Takes over what users may not change of a namespace.
pub(super) fn retain(key: &ObjectKey, stored: &Object, object: &mut Object) {
    if key.kind == NAMESPACE {
        object.data["spec"] = stored.data["spec"].clone();
    }
}

/// A namespace was created or changed for the first time: it gets what every one has.
pub(super) fn note_created(state: &mut State, key: &ObjectKey) {
    if key.kind == NAMESPACE {
        state.work.push_back(Work::Furnish(key.name.clone()));
    }
}

/// Whether the object is a namespace that still has content.
pub(super) fn holds(object: &Object, key: &ObjectKey) -> bool {
    let finalizers = object.data.pointer("/spec/finalizers");
    key.kind == NAMESPACE
        && finalizers
            .and_then(Value::as_array)
            .is_some_and(|finalizers| !finalizers.is_empty())
}

/// Says in a namespace's status that it ends.
pub(super) fn mark(key: &ObjectKey, object: &mut Object) {
    if key.kind == NAMESPACE {
        object.data["status"]["phase"] = json!("Terminating");
    }
}

/// A namespace begins to end: so does all in it.
pub(super) fn note_marked(state: &mut State, key: &ObjectKey) {
    if key.kind != NAMESPACE {
        return;
    }
    let content: Vec<Work> = content(state, &key.name).map(Work::Evict).collect();
    state.work.extend(content);
    state.work.push_back(Work::Namespace(key.name.clone()));
}

fn content<'a>(state: &'a State, namespace: &'a str) -> impl Iterator<Item = ObjectKey> + 'a {
    let served = state.tables.iter();
    let served = served.filter(|(kind, _)| state.kinds.get(kind).is_some());
    let namespaced = served.filter(|(_, table)| table.kind.is_namespaced());
    namespaced.flat_map(move |(kind, table)| {
        let objects = table.within(Some(namespace));
        objects.map(move |(name, _)| ObjectKey::new(kind.clone(), namespace, name.name.as_str()))
    })
}

impl State {
    /// An object left: its namespace may be empty now, or miss something.
    pub(super) fn note_left(&mut self, key: &ObjectKey) {
        let Some(namespace) = self.get(&key_of(&key.namespace)) else {
            return;
        };
        let name = key.namespace.clone();
        if namespace.is_deleting() {
            self.work.push_back(Work::Namespace(name));
        } else if is_furniture(key) {
            self.work.push_back(Work::Furnish(name));
        }
    }
}

/// Removes a namespace that ends and is empty.
pub(super) fn finish(state: &mut State, name: &str) {
    let key = key_of(name);
    let Some(namespace) = state.get(&key) else {
        return;
    };
    if !namespace.is_deleting() || content(state, name).next().is_some() {
        return;
    }
    let mut object = namespace.as_ref().clone();
    object.data["spec"] = json!({});
    super::delete::settle(state, &key, object);
}

/// Creates what every namespace has and this one misses.
pub(super) fn furnish(state: &mut State, name: &str) {
    let active = state
        .get(&key_of(name))
        .is_some_and(|namespace| !namespace.is_deleting());
    if !active {
        return;
    }
    furnish_one(state, SERVICE_ACCOUNT, name, DEFAULT_ACCOUNT, json!({}));
    furnish_one(
        state,
        CONFIG_MAP,
        name,
        ROOT_CA,
        json!({"data": {"ca.crt": ""}}),
    );
}

fn furnish_one(state: &mut State, kind: GroupKind, namespace: &str, name: &str, data: Value) {
    let key = ObjectKey::new(kind, namespace, name);
    let Some(kind) = state.kinds.get(&key.kind).cloned() else {
        return;
    };
    if state.get(&key).is_none() {
        let object = new_object(&kind, &key, data);
        let object = write::stamp(state, &kind, &key, object);
        state.put(&key, object);
    }
}

fn is_furniture(key: &ObjectKey) -> bool {
    (key.kind == SERVICE_ACCOUNT && key.name == DEFAULT_ACCOUNT)
        || (key.kind == CONFIG_MAP && key.name == ROOT_CA)
}

fn key_of(name: &str) -> ObjectKey {
    ObjectKey::new(NAMESPACE, "", name)
}

fn new_object(kind: &Arc<Kind>, key: &ObjectKey, data: Value) -> Object {
    let types = TypeMeta {
        api_version: kind.api_version(),
        kind: kind.kind.clone(),
    };
    let mut object = Object {
        types: Some(types),
        metadata: kube_core::ObjectMeta::default(),
        data,
    };
    object.metadata.name = Some(key.name.clone());
    object.metadata.namespace = (!key.namespace.is_empty()).then(|| key.namespace.clone());
    object
}
