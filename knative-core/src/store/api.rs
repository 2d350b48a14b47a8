//! Objects of one kind as a Rust type.

use std::{fmt, marker::PhantomData, sync::Arc};

use futures::{StreamExt as _, stream::BoxStream};
use kube_core::Resource;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    object::{GroupKind, Object, ObjectKey},
    selector::FieldSelector,
};

use super::{
    DeleteOptions, Deleted, ListOptions, Patch, Store, StoreError, StoreExt as _, WatchEvent,
    WatchOptions, WriteOptions, codec,
};

/// A Rust type that is kept in a store.
pub trait ApiObject:
    Resource<DynamicType = ()>
    + Serialize
    + DeserializeOwned
    + Clone
    + fmt::Debug
    + Send
    + Sync
    + 'static
{
}

impl<K> ApiObject for K where
    K: Resource<DynamicType = ()>
        + Serialize
        + DeserializeOwned
        + Clone
        + fmt::Debug
        + Send
        + Sync
        + 'static
{
}

/// A list of typed objects.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TypedList<K> {
    /// The objects.
    pub items: Vec<K>,
    /// The state that the list shows; a watch may start here.
    pub resource_version: String,
    /// Where the next page begins.
    pub continue_token: Option<String>,
}

/// One change of a typed object.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TypedEvent<K> {
    /// The object appeared.
    Added(K),
    /// The object changed.
    Modified(K),
    /// The object is gone; its last state.
    Deleted(K),
    /// All changes up to `resource_version` were sent.
    Bookmark {
        /// A watch may be resumed from here.
        resource_version: String,
        /// Whether this one ends the objects that existed when the watch began.
        initial_events_end: bool,
    },
}

/// A typed handle to the objects of one kind in a store.
///
/// Cluster-scoped kinds take `""` as namespace.
#[derive(Debug)]
pub struct Api<K> {
    store: Arc<dyn Store>,
    options: WriteOptions,
    kind: PhantomData<fn() -> K>,
}

impl<K> Clone for Api<K> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            options: self.options.clone(),
            kind: PhantomData,
        }
    }
}

impl<K: ApiObject> Api<K> {
    /// A handle that writes as the platform's controllers.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            options: WriteOptions::default(),
            kind: PhantomData,
        }
    }

    /// The same handle, writing with these options.
    #[must_use]
    pub fn with_options(mut self, options: WriteOptions) -> Self {
        self.options = options;
        self
    }

    /// The store behind it.
    pub const fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// One object.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn get(&self, namespace: &str, name: &str) -> Result<K, StoreError> {
        typed(self.store.get(&key::<K>(namespace, name)).await?.as_ref())
    }

    /// One object, or `None` if it does not exist.
    ///
    /// # Errors
    /// As [`Store::get`] for any other reason.
    pub async fn find(&self, namespace: &str, name: &str) -> Result<Option<K>, StoreError> {
        match self.get(namespace, name).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The objects that `options` mean.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn list(&self, options: &ListOptions) -> Result<TypedList<K>, StoreError> {
        let list = self.store.list(&GroupKind::of::<K>(), options).await?;
        let items = list.items.iter().map(|object| typed(object));
        Ok(TypedList {
            items: items.collect::<Result<_, _>>()?,
            resource_version: list.resource_version,
            continue_token: list.continue_token,
        })
    }

    /// Adds an object and answers with the stored one.
    ///
    /// # Errors
    /// As [`Store::create`].
    pub async fn create(&self, object: &K) -> Result<K, StoreError> {
        let written = self.store.create(untyped(object)?, &self.options).await?;
        typed(&written.object)
    }

    /// Replaces an object but for its status.
    ///
    /// # Errors
    /// As [`Store::update`].
    pub async fn update(&self, object: &K) -> Result<K, StoreError> {
        let written = self.store.update(untyped(object)?, &self.options).await?;
        typed(&written.object)
    }

    /// Replaces an object's status.
    ///
    /// # Errors
    /// As [`Store::update_status`].
    pub async fn update_status(&self, object: &K) -> Result<K, StoreError> {
        let object = untyped(object)?;
        let written = self.store.update_status(object, &self.options).await?;
        typed(&written.object)
    }

    /// Changes parts of an object.
    ///
    /// # Errors
    /// As [`StoreExt::patch`](super::StoreExt::patch).
    pub async fn patch(&self, namespace: &str, name: &str, patch: &Patch) -> Result<K, StoreError> {
        let key = key::<K>(namespace, name);
        let written = self.store.patch(&key, patch, &self.options).await?;
        typed(&written.object)
    }

    /// Changes parts of an object's status.
    ///
    /// # Errors
    /// As [`StoreExt::patch_status`](super::StoreExt::patch_status).
    pub async fn patch_status(
        &self,
        namespace: &str,
        name: &str,
        patch: &Patch,
    ) -> Result<K, StoreError> {
        let key = key::<K>(namespace, name);
        let written = self.store.patch_status(&key, patch, &self.options).await?;
        typed(&written.object)
    }

    /// Removes an object.
    ///
    /// # Errors
    /// As [`Store::delete`].
    pub async fn delete(
        &self,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deleted, StoreError> {
        self.store.delete(&key::<K>(namespace, name), options).await
    }

    /// The changes that `options` mean. The stream ends after its first error.
    ///
    /// # Errors
    /// As [`Store::watch`].
    pub async fn watch(
        &self,
        options: &WatchOptions,
    ) -> Result<BoxStream<'static, Result<TypedEvent<K>, StoreError>>, StoreError> {
        let events = self.store.watch(&GroupKind::of::<K>(), options).await?;
        Ok(events.map(|event| typed_event(&event?)).boxed())
    }

    /// One object as soon as it is there and `is` holds for it, as `kubectl wait`. Waits for ever; bound it with a timeout.
    ///
    /// # Errors
    /// As [`Store::watch`].
    pub async fn wait(
        &self,
        namespace: &str,
        name: &str,
        is: impl Fn(&K) -> bool + Send,
    ) -> Result<K, StoreError> {
        let options = WatchOptions {
            namespace: (!namespace.is_empty()).then(|| namespace.to_owned()),
            fields: FieldSelector::name(name),
            ..WatchOptions::default()
        };
        loop {
            let mut events = self.watch(&options).await?;
            while let Some(event) = events.next().await {
                match event {
                    Ok(TypedEvent::Added(object) | TypedEvent::Modified(object)) if is(&object) => {
                        return Ok(object);
                    }
                    // The watch begins anew with what is there.
                    Err(StoreError::Expired { .. }) => break,
                    event => drop(event?),
                }
            }
        }
    }
}

fn key<K: ApiObject>(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey::of::<K>(namespace, name)
}

fn untyped<K: ApiObject>(object: &K) -> Result<Object, StoreError> {
    codec::encode(object).map_err(|source| StoreError::Malformed {
        kind: GroupKind::of::<K>(),
        source,
    })
}

fn typed<K: ApiObject>(object: &Object) -> Result<K, StoreError> {
    codec::decode(object).map_err(|source| StoreError::Malformed {
        kind: GroupKind::of::<K>(),
        source,
    })
}

fn typed_event<K: ApiObject>(event: &WatchEvent) -> Result<TypedEvent<K>, StoreError> {
    Ok(match event {
        WatchEvent::Added(object) => TypedEvent::Added(typed(object)?),
        WatchEvent::Modified(object) => TypedEvent::Modified(typed(object)?),
        WatchEvent::Deleted(object) => TypedEvent::Deleted(typed(object)?),
        WatchEvent::Bookmark {
            resource_version,
            initial_events_end,
        } => TypedEvent::Bookmark {
            resource_version: resource_version.clone(),
            initial_events_end: *initial_events_end,
        },
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;
    use crate::{Clock, Ids, Kinds, SystemClock, store::MemoryStore};

    fn map(name: &str, value: &str) -> ConfigMap {
        let map = serde_json::json!({ "metadata": { "name": name, "namespace": "default" }, "data": { "key": value } });
        serde_json::from_value(map).unwrap()
    }

    #[tokio::test]
    async fn waits_for_what_is_there_and_for_what_comes() {
        let mut kinds = Kinds::new();
        crate::kinds::core::register(&mut kinds);
        let (clock, ids): (Arc<dyn Clock>, _) = (Arc::new(SystemClock), Arc::new(Ids::seeded(1)));
        let maps = Api::new(Arc::new(MemoryStore::new(Arc::new(kinds), clock, ids)));
        let has = |value: &'static str| {
            move |map: &ConfigMap| map.data.as_ref().is_some_and(|data| data["key"] == value)
        };
        let awaited = maps.wait("default", "mine", has("two"));
        let writing = async {
            maps.create(&map("other", "two")).await.unwrap();
            maps.create(&map("mine", "one")).await.unwrap();
            let there = maps.wait("default", "mine", has("one")).await.unwrap();
            maps.update(&ConfigMap {
                data: map("mine", "two").data,
                ..there
            })
            .await
            .unwrap();
        };
        let (found, ()) = futures::join!(awaited, writing);
        assert_eq!(found.unwrap().metadata.name.as_deref(), Some("mine"));
    }
}
