//! Finalizers: work that must be done before an object goes.

use std::sync::Arc;

use crate::{
    object::{Object, ObjectKey},
    store::{Store, StoreError, WriteOptions},
};

/// Adds a finalizer unless it is there.
///
/// # Errors
/// What the store answers; an object that is gone is [`StoreError::NotFound`].
pub async fn add(
    store: &Arc<dyn Store>,
    key: &ObjectKey,
    finalizer: &str,
) -> Result<(), StoreError> {
    change(store, key, |finalizers| {
        if !finalizers.iter().any(|present| present == finalizer) {
            finalizers.push(finalizer.to_owned());
        }
    })
    .await
}

/// Takes a finalizer away; an object that is gone is no error.
///
/// # Errors
/// What the store answers.
pub async fn remove(
    store: &Arc<dyn Store>,
    key: &ObjectKey,
    finalizer: &str,
) -> Result<(), StoreError> {
    match change(store, key, |finalizers| {
        finalizers.retain(|present| present != finalizer);
    })
    .await
    {
        Err(error) if error.is_not_found() => Ok(()),
        result => result,
    }
}

/// Whether an object has a finalizer.
pub fn has(object: &Object, finalizer: &str) -> bool {
    object
        .metadata
        .finalizers
        .iter()
        .flatten()
        .any(|present| present == finalizer)
}

async fn change(
    store: &Arc<dyn Store>,
    key: &ObjectKey,
    change: impl Fn(&mut Vec<String>),
) -> Result<(), StoreError> {
    loop {
        let object = store.get(key).await?;
        let before = object.metadata.finalizers.clone().unwrap_or_default();
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return Ok(());
        }
        let mut object = Object::clone(&object);
        object.metadata.finalizers = Some(after);
        match store.update(object, &WriteOptions::default()).await {
            Err(error) if error.is_conflict() => {}
            result => return result.map(drop),
        }
    }
}
