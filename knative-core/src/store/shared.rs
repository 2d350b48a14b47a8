//! A store that is shared is a store.

use std::sync::Arc;

use async_trait::async_trait;

use crate::object::{GroupKind, Object, ObjectKey};

use super::{
    DeleteOptions, Deleted, ListOptions, ObjectList, Store, StoreError, WatchOptions, WatchStream,
    WriteOptions, Written,
};

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store + ?Sized> Store for Arc<S> {
    async fn get(&self, key: &ObjectKey) -> Result<Arc<Object>, StoreError> {
        self.as_ref().get(key).await
    }

    async fn list(
        &self,
        kind: &GroupKind,
        options: &ListOptions,
    ) -> Result<ObjectList, StoreError> {
        self.as_ref().list(kind, options).await
    }

    async fn create(&self, object: Object, options: &WriteOptions) -> Result<Written, StoreError> {
        self.as_ref().create(object, options).await
    }

    async fn update(&self, object: Object, options: &WriteOptions) -> Result<Written, StoreError> {
        self.as_ref().update(object, options).await
    }

    async fn update_status(
        &self,
        object: Object,
        options: &WriteOptions,
    ) -> Result<Written, StoreError> {
        self.as_ref().update_status(object, options).await
    }

    async fn delete(
        &self,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<Deleted, StoreError> {
        self.as_ref().delete(key, options).await
    }

    async fn watch(
        &self,
        kind: &GroupKind,
        options: &WatchOptions,
    ) -> Result<WatchStream, StoreError> {
        self.as_ref().watch(kind, options).await
    }
}
