//! Removal: at once, or marked and waiting for finalizers.

use std::sync::Arc;

use crate::{
    object::{Object, ObjectExt as _, ObjectKey},
    store::{DeleteOptions, Deleted, Preconditions, Propagation, StoreError},
};

use super::{
    gc::{FOREGROUND, ORPHAN},
    namespace,
    state::State,
    write,
};

/// Removes the object, or marks it for removal while something holds it.
pub(super) fn delete(
    state: &mut State,
    key: &ObjectKey,
    options: &DeleteOptions,
) -> Result<Deleted, StoreError> {
    let stored = state.require(key)?;
    check(key, &stored, &options.preconditions)?;
    let finalizers = finalizers_for(&stored, options.propagation);
    if finalizers.is_empty() && !namespace::holds(&stored, key) {
        let last = if options.dry_run {
            None
        } else {
            state.remove(key)
        };
        return Ok(Deleted::Gone(last.unwrap_or(stored)));
    }
    let marked = mark(state, key, &stored, finalizers)?;
    if options.dry_run || marked == *stored {
        return Ok(Deleted::Finalizing(Arc::new(marked)));
    }
    let marked = state.put(key, marked);
    namespace::note_marked(state, key);
    Ok(Deleted::Finalizing(marked))
}

/// Stores an object that may have lost its last finalizer: then it goes.
pub(super) fn settle(state: &mut State, key: &ObjectKey, mut object: Object) -> Arc<Object> {
    let held = object
        .metadata
        .finalizers
        .as_ref()
        .is_some_and(|finalizers| !finalizers.is_empty());
    if held || !object.is_deleting() || namespace::holds(&object, key) {
        return state.put(key, object);
    }
    let last = state.remove(key);
    let version = last.and_then(|last| last.metadata.resource_version.clone());
    object.metadata.resource_version = version;
    Arc::new(object)
}

fn check(key: &ObjectKey, stored: &Object, wanted: &Preconditions) -> Result<(), StoreError> {
    let version = stored.metadata.resource_version.as_deref();
    let pairs = [
        ("UID", &wanted.uid, stored.uid()),
        (
            "ResourceVersion",
            &wanted.resource_version,
            version.unwrap_or_default(),
        ),
    ];
    for (field, wanted, actual) in pairs {
        if let Some(wanted) = wanted.as_deref().filter(|wanted| *wanted != actual) {
            return Err(StoreError::Conflict {
                key: key.clone(),
                message: format!(
                    "Precondition failed: {field} in precondition: {wanted}, {field} in object meta: {actual}"
                ),
            });
        }
    }
    Ok(())
}

/// The finalizers that the object has afterwards: those of garbage collection are replaced by what is asked for now.
fn finalizers_for(stored: &Object, propagation: Propagation) -> Vec<String> {
    let held = stored.metadata.finalizers.iter().flatten();
    let others = held.filter(|finalizer| !matches!(finalizer.as_str(), FOREGROUND | ORPHAN));
    let asked = match propagation {
        Propagation::Background => None,
        Propagation::Foreground => Some(FOREGROUND),
        Propagation::Orphan => Some(ORPHAN),
    };
    let asked = asked.map(str::to_owned);
    others.cloned().chain(asked).collect()
}

fn mark(
    state: &State,
    key: &ObjectKey,
    stored: &Object,
    finalizers: Vec<String>,
) -> Result<Object, StoreError> {
    let mut object = stored.clone();
    object.metadata.finalizers = (!finalizers.is_empty()).then_some(finalizers);
    if !object.is_deleting() {
        object.metadata.deletion_timestamp = Some(write::whole_seconds(state.now));
        object.metadata.deletion_grace_period_seconds = Some(0);
        if write::counts_generations(state.kind(&key.kind)?) {
            object.metadata.generation = Some(stored.generation() + 1);
        }
        namespace::mark(key, &mut object);
    }
    Ok(object)
}
