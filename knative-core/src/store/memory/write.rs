//! Creation and replacement: what of an object is the writer's, and what the store's.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube_core::TypeMeta;
use serde_json::{Map, Value};

use crate::{
    Kind,
    object::{GroupKind, Object, ObjectExt as _, ObjectKey, quote},
    store::{Cause, StoreError},
};

use super::{delete, namespace, state::State};

/// How much of `generateName` is kept, so that a name with its suffix has at most 63 letters.
const GENERATED_BASE: usize = 58;
/// How many generated names are tried.
const GENERATED_TRIES: usize = 8;

/// Adds an object.
pub(super) fn create(
    state: &mut State,
    mut object: Object,
    dry_run: bool,
) -> Result<Arc<Object>, StoreError> {
    let kind = kind_of(state, &object)?;
    if object
        .metadata
        .resource_version
        .as_ref()
        .is_some_and(|version| !version.is_empty())
    {
        let message = "resourceVersion should not be set on objects to be created";
        return Err(StoreError::bad_request(message));
    }
    let key = name_new(state, &kind, &mut object)?;
    namespace::admit(state, &kind, &key)?;
    if state.get(&key).is_some() {
        return Err(StoreError::AlreadyExists { key });
    }
    let object = stamp(state, &kind, &key, object);
    let object = namespace::complete(&key, object);
    if dry_run {
        return Ok(Arc::new(object));
    }
    let object = state.put(&key, object);
    namespace::note_created(state, &key);
    Ok(object)
}

/// Replaces an object but for its status.
pub(super) fn update(
    state: &mut State,
    mut object: Object,
    dry_run: bool,
) -> Result<Arc<Object>, StoreError> {
    let (kind, key, stored) = find(state, &object)?;
    retain_metadata(&kind, &stored, &mut object);
    if kind.status {
        move_status(&stored, &mut object);
    }
    namespace::retain(&key, &stored, &mut object);
    refuse_new_finalizers(&key, &stored, &object)?;
    Ok(replace(state, &kind, &key, &stored, object, dry_run))
}

/// Replaces an object's status.
pub(super) fn update_status(
    state: &mut State,
    object: &Object,
    dry_run: bool,
) -> Result<Arc<Object>, StoreError> {
    let (kind, key, stored) = find(state, object)?;
    if !kind.status {
        return Err(StoreError::NotAllowed {
            message: format!("{} have no status to write", kind.resource()),
        });
    }
    let mut next = stored.as_ref().clone();
    move_status(object, &mut next);
    Ok(replace(state, &kind, &key, &stored, next, dry_run))
}

/// Whether a kind's objects carry a generation. Those of the core group do not, whatever they hold.
pub(super) fn counts_generations(kind: &Kind) -> bool {
    kind.status && !kind.group.is_empty()
}

/// Times of metadata have whole seconds.
pub(super) fn whole_seconds(now: Timestamp) -> Time {
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}

/// Gives a new object what the store alone decides.
pub(super) fn stamp(state: &State, kind: &Kind, key: &ObjectKey, mut object: Object) -> Object {
    let metadata = &mut object.metadata;
    metadata.name = Some(key.name.clone());
    metadata.uid = Some(state.ids.uid());
    metadata.creation_timestamp = Some(whole_seconds(state.now));
    metadata.generation = counts_generations(kind).then_some(1);
    metadata.deletion_timestamp = None;
    metadata.deletion_grace_period_seconds = None;
    metadata.resource_version = None;
    metadata.self_link = None;
    normalize(kind, &mut object);
    // Whoever projects a volatile object knows its state; all others report it afterwards.
    if kind.status && !kind.volatile {
        fields(&mut object).remove("status");
    }
    object
}

fn kind_of(state: &State, object: &Object) -> Result<Arc<Kind>, StoreError> {
    let kind = GroupKind::of_object(object)
        .ok_or_else(|| StoreError::bad_request("the object does not say its kind"))?;
    state.kind(&kind).cloned()
}

fn find(state: &State, object: &Object) -> Result<(Arc<Kind>, ObjectKey, Arc<Object>), StoreError> {
    let kind = kind_of(state, object)?;
    let key = key_of(&kind, object)?;
    let stored = state.require(&key)?;
    check_identity(&key, &stored, object)?;
    Ok((kind, key, stored))
}

fn key_of(kind: &Kind, object: &Object) -> Result<ObjectKey, StoreError> {
    if object.name().is_empty() {
        return Err(StoreError::bad_request(
            "the name of the object is required",
        ));
    }
    let namespace = if kind.is_namespaced() {
        object.namespace()
    } else {
        ""
    };
    Ok(ObjectKey::new(kind.group_kind(), namespace, object.name()))
}

/// The name that a new object gets, and its namespace.
fn name_new(state: &State, kind: &Kind, object: &mut Object) -> Result<ObjectKey, StoreError> {
    if !kind.is_namespaced() {
        object.metadata.namespace = None;
    } else if object.namespace().is_empty() {
        let message = "an empty namespace may not be set during creation";
        return Err(StoreError::bad_request(message));
    }
    let mut key = ObjectKey::new(kind.group_kind(), object.namespace(), object.name());
    if !key.name.is_empty() {
        return Ok(key);
    }
    let base = object.metadata.generate_name.as_deref().unwrap_or_default();
    if base.is_empty() {
        return Err(nameless(key));
    }
    let base: String = base.chars().take(GENERATED_BASE).collect();
    for _ in 0..GENERATED_TRIES {
        key.name = format!("{base}{}", state.ids.suffix());
        if state.get(&key).is_none() {
            break;
        }
    }
    Ok(key)
}

fn nameless(key: ObjectKey) -> StoreError {
    let cause = Cause {
        reason: "FieldValueRequired".to_owned(),
        message: "Required value: name or generateName is required".to_owned(),
        field: "metadata.name".to_owned(),
    };
    StoreError::Invalid {
        key,
        causes: vec![cause],
    }
}

/// The writer must mean the object that is stored, and the state of it that is stored.
fn check_identity(key: &ObjectKey, stored: &Object, object: &Object) -> Result<(), StoreError> {
    let uid = object.uid();
    if !uid.is_empty() && uid != stored.uid() {
        return Err(StoreError::Conflict {
            key: key.clone(),
            message: format!(
                "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                stored.uid()
            ),
        });
    }
    let version = object.metadata.resource_version.as_deref();
    let version = version.filter(|version| !version.is_empty());
    if version.is_some() && version != stored.metadata.resource_version.as_deref() {
        return Err(StoreError::modified(key.clone()));
    }
    Ok(())
}

/// Takes over the metadata that writers may not change.
fn retain_metadata(kind: &Kind, stored: &Object, object: &mut Object) {
    let (metadata, kept) = (&mut object.metadata, &stored.metadata);
    metadata.uid.clone_from(&kept.uid);
    metadata.namespace.clone_from(&kept.namespace);
    metadata.generate_name.clone_from(&kept.generate_name);
    metadata
        .creation_timestamp
        .clone_from(&kept.creation_timestamp);
    metadata
        .deletion_timestamp
        .clone_from(&kept.deletion_timestamp);
    metadata.deletion_grace_period_seconds = kept.deletion_grace_period_seconds;
    metadata.generation = kept.generation;
    metadata.self_link = None;
    normalize(kind, object);
}

/// The form in which objects are stored and compared.
fn normalize(kind: &Kind, object: &mut Object) {
    object.types = Some(TypeMeta {
        api_version: kind.api_version(),
        kind: kind.kind.clone(),
    });
    let metadata = &mut object.metadata;
    metadata.labels = metadata.labels.take().filter(|labels| !labels.is_empty());
    metadata.annotations = metadata.annotations.take().filter(|all| !all.is_empty());
    metadata.finalizers = metadata.finalizers.take().filter(|all| !all.is_empty());
    metadata.owner_references = metadata
        .owner_references
        .take()
        .filter(|all| !all.is_empty());
    metadata.managed_fields = metadata.managed_fields.take().filter(|all| !all.is_empty());
    fields(object);
}

fn fields(object: &mut Object) -> &mut Map<String, Value> {
    if !object.data.is_object() {
        object.data = Value::Object(Map::new());
    }
    object
        .data
        .as_object_mut()
        .expect("it was made an object just now")
}

fn move_status(from: &Object, to: &mut Object) {
    let status = from.data.get("status").filter(|status| !status.is_null());
    let target = fields(to);
    match status {
        Some(status) => target.insert("status".to_owned(), status.clone()),
        None => target.remove("status"),
    };
}

fn refuse_new_finalizers(
    key: &ObjectKey,
    stored: &Object,
    object: &Object,
) -> Result<(), StoreError> {
    if !stored.is_deleting() {
        return Ok(());
    }
    let held = stored.metadata.finalizers.as_deref().unwrap_or_default();
    let wanted = object.metadata.finalizers.iter().flatten();
    let new: Vec<String> = wanted
        .filter(|finalizer| !held.contains(finalizer))
        .map(|finalizer| quote(finalizer))
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let cause = Cause {
        reason: "FieldValueForbidden".to_owned(),
        message: format!(
            "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            new.join(", ")
        ),
        field: "metadata.finalizers".to_owned(),
    };
    Err(StoreError::Invalid {
        key: key.clone(),
        causes: vec![cause],
    })
}

fn replace(
    state: &mut State,
    kind: &Kind,
    key: &ObjectKey,
    stored: &Arc<Object>,
    mut object: Object,
    dry_run: bool,
) -> Arc<Object> {
    object
        .metadata
        .resource_version
        .clone_from(&stored.metadata.resource_version);
    if object == **stored {
        return Arc::clone(stored);
    }
    if counts_generations(kind) && differs_in_spec(stored, &object) {
        object.metadata.generation = Some(stored.generation() + 1);
    }
    if dry_run {
        return Arc::new(object);
    }
    delete::settle(state, key, object)
}

/// Whether anything outside of metadata and status differs.
fn differs_in_spec(old: &Object, new: &Object) -> bool {
    let (old, new) = (old.data.as_object(), new.data.as_object());
    let (Some(old), Some(new)) = (old, new) else {
        return false;
    };
    let rest =
        |fields: &Map<String, Value>| fields.len() - usize::from(fields.contains_key("status"));
    let same = |(name, value): (&String, &Value)| name == "status" || new.get(name) == Some(value);
    rest(old) != rest(new) || !old.iter().all(same)
}
