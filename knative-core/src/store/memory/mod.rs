//! The store that lives in this process.

mod delete;
mod expiry;
mod feed;
mod filter;
mod gc;
mod list;
mod namespace;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod watch;
mod write;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use parking_lot::RwLock;

use crate::{
    Clock, Ids, Kinds,
    object::{GroupKind, Object, ObjectKey},
};

use self::{feed::Feeds, state::State};
use super::{
    DeleteOptions, Deleted, ListOptions, ObjectList, Store, StoreError, WatchOptions, WatchStream,
    WriteOptions, Written,
};

/// How many changes of each kind are kept for watches that resume and lists that go on.
const HISTORY: usize = 4_096;
/// How many objects garbage collection looks at before it lets other calls in.
const COLLECT_AT_ONCE: usize = 256;

/// Keeps objects in memory, and in a journal on disk if it is [opened](MemoryStore::open) with one.
///
/// Beyond what [`Store`] promises it does what a cluster's controllers do for objects as such: garbage collection by
/// owner references, the life of namespaces (if the kind Namespace is registered; `default` and `kube-system` exist from
/// the start), and the end of old Events. All of that happens inside of the write that causes it.
///
/// Cheap to clone; clones share the objects.
#[derive(Clone)]
pub struct MemoryStore {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    state: RwLock<State>,
    feeds: Arc<Feeds>,
}

impl MemoryStore {
    /// An empty store of these kinds that forgets everything at its end.
    pub fn new(kinds: Arc<Kinds>, clock: Arc<dyn Clock>, ids: Arc<Ids>) -> Self {
        let state = State::new(Arc::clone(&kinds), ids, HISTORY);
        let feeds = Arc::new(Feeds::new(&kinds, state.version));
        let inner = Inner {
            clock,
            state: RwLock::new(state),
            feeds,
        };
        let commit = inner.change(|state| {
            namespace::begin(state);
            while state.collect(COLLECT_AT_ONCE) {}
        });
        inner.publish(&commit.1);
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The kinds that it keeps.
    pub fn kinds(&self) -> Arc<Kinds> {
        Arc::clone(&self.inner.state.read().kinds)
    }
}

impl Inner {
    /// Changes the state in one step and answers with what is to be published.
    fn change<T>(&self, act: impl FnOnce(&mut State) -> T) -> (T, Vec<state::Write>) {
        let now = self.clock.now();
        let mut state = self.state.write();
        state.now = now;
        state.expire();
        let result = act(&mut state);
        (result, state.take_written())
    }

    fn publish(&self, written: &[state::Write]) {
        for write in written {
            self.feeds.publish(&write.key.kind, write.version);
        }
    }

    /// Does a write and all that follows from it.
    async fn write<T>(
        &self,
        act: impl FnOnce(&mut State) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let ((result, mut more), written) =
            self.change(|state| (act(state), state.collect(COLLECT_AT_ONCE)));
        self.publish(&written);
        while more {
            tokio::task::yield_now().await;
            let (left, written) = self.change(|state| state.collect(COLLECT_AT_ONCE));
            self.publish(&written);
            more = left;
        }
        result
    }

    /// Lets go of what has ended, so that reads do not show it.
    fn tidy(&self) {
        if self.state.read().has_expired(self.clock.now()) {
            let ((), written) = self.change(|_| ());
            self.publish(&written);
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &ObjectKey) -> Result<Arc<Object>, StoreError> {
        self.inner.tidy();
        self.inner.state.read().require(key)
    }

    async fn list(
        &self,
        kind: &GroupKind,
        options: &ListOptions,
    ) -> Result<ObjectList, StoreError> {
        self.inner.tidy();
        list::list(&self.inner.state.read(), kind, options)
    }

    async fn create(&self, object: Object, options: &WriteOptions) -> Result<Written, StoreError> {
        let created = self
            .inner
            .write(|state| write::create(state, object, options.dry_run));
        created.await.map(Written::new)
    }

    async fn update(&self, object: Object, options: &WriteOptions) -> Result<Written, StoreError> {
        let updated = self
            .inner
            .write(|state| write::update(state, object, options.dry_run));
        updated.await.map(Written::new)
    }

    async fn update_status(
        &self,
        object: Object,
        options: &WriteOptions,
    ) -> Result<Written, StoreError> {
        let updated = self
            .inner
            .write(|state| write::update_status(state, &object, options.dry_run));
        updated.await.map(Written::new)
    }

    async fn delete(
        &self,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<Deleted, StoreError> {
        self.inner
            .write(|state| delete::delete(state, key, options))
            .await
    }

    async fn watch(
        &self,
        kind: &GroupKind,
        options: &WatchOptions,
    ) -> Result<WatchStream, StoreError> {
        watch::watch(&self.inner, kind, options)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.inner.state.read();
        f.debug_struct("MemoryStore")
            .field("version", &state.version)
            .finish_non_exhaustive()
    }
}
