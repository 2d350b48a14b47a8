//! The store that lives in this process.

mod delete;
mod expiry;
mod feed;
mod filter;
mod gc;
mod list;
mod namespace;
mod readers;
mod restore;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod watch;
mod write;

use std::{fmt, io, path::Path, sync::Arc};

use async_trait::async_trait;
use parking_lot::RwLock;

use crate::{
    Clock, Ids, Kinds,
    object::{GroupKind, Object, ObjectKey},
};

pub(super) use self::feed::Feeds;
use self::state::{State, Write};
use super::{
    DeleteOptions, Deleted, ListOptions, ObjectList, Store, StoreError, WatchOptions, WatchStream,
    WriteOptions, Written,
    journal::{self, Journal, JournalOptions, OpenError, Ticket},
    packed::Warm,
};

/// How many changes of each kind are kept at most for watches that resume and lists that go on.
const HISTORY: usize = 2_048;
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
    warm: Arc<Warm>,
    feeds: Arc<Feeds>,
    journal: Option<Journal>,
}

impl MemoryStore {
    /// An empty store of these kinds that forgets everything at its end.
    pub fn new(kinds: Arc<Kinds>, clock: Arc<dyn Clock>, ids: Arc<Ids>) -> Self {
        let state = State::new(kinds, ids, HISTORY);
        let feeds = Arc::new(Feeds::new(&state.kinds, state.version));
        let inner = Inner::new(clock, state, feeds, None);
        let commit = inner.begin();
        inner.show(&commit.shown);
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The store that `directory` keeps, or an empty one: every acknowledged write is in it.
    ///
    /// Must be called on a Tokio runtime, whose blocking pool does the writing.
    ///
    /// # Errors
    /// Another store uses the directory, or it cannot be read.
    pub async fn open(
        directory: &Path,
        options: JournalOptions,
        kinds: Arc<Kinds>,
        clock: Arc<dyn Clock>,
        ids: Arc<Ids>,
    ) -> Result<Self, OpenError> {
        let (recovered, opened) = journal::open(directory, options).await?;
        let mut state = State::new(kinds, ids, HISTORY);
        state.restore(recovered);
        let feeds = Arc::new(Feeds::new(&state.kinds, state.version));
        let journal = opened.start(Arc::clone(&feeds));
        let inner = Inner::new(clock, state, feeds, Some(journal));
        let commit = inner.begin();
        let settled = inner.settle(commit).await;
        settled.map_err(|error| OpenError::Io {
            path: directory.to_owned(),
            source: io::Error::other(error),
        })?;
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The kinds that it keeps.
    pub fn kinds(&self) -> Arc<Kinds> {
        Arc::clone(&self.inner.state.read().kinds)
    }

    /// Ends a store with a journal: it takes no more writes, what was written is on the disk, and the directory is free.
    pub async fn close(&self) {
        if let Some(journal) = &self.inner.journal {
            journal.close().await;
        }
    }
}

/// What a change of the state leaves to do once the lock is released.
#[derive(Debug, Default)]
struct Commit {
    /// What watchers may see at once.
    shown: Vec<(GroupKind, u64)>,
    /// What has to be waited for.
    ticket: Option<Ticket>,
}

impl Inner {
    fn new(
        clock: Arc<dyn Clock>,
        state: State,
        feeds: Arc<Feeds>,
        journal: Option<Journal>,
    ) -> Self {
        Self {
            clock,
            warm: Arc::clone(&state.warm),
            state: RwLock::new(state),
            feeds,
            journal,
        }
    }

    /// Brings a new or restored state to rest.
    fn begin(&self) -> Commit {
        let begin = |state: &mut State| {
            namespace::begin(state);
            while state.collect(COLLECT_AT_ONCE) {}
        };
        self.change(begin).1
    }

    /// Changes the state in one step.
    fn change<T>(&self, act: impl FnOnce(&mut State) -> T) -> (T, Commit) {
        let now = self.clock.now();
        let mut state = self.state.write();
        state.now = now;
        for (kind, table) in &mut state.tables {
            table.trim(now, self.feeds.settled(kind));
        }
        state.expire();
        let result = act(&mut state);
        let commit = self.commit(&mut state);
        (result, commit)
    }

    /// Hands what was written to the journal, in order because the state is locked.
    fn commit(&self, state: &mut State) -> Commit {
        let written = state.take_written();
        let change = |write: &Write| (write.key.kind.clone(), write.version);
        let Some(journal) = &self.journal else {
            let shown = written.iter().map(change).collect();
            return Commit {
                shown,
                ticket: None,
            };
        };
        if written.is_empty() {
            return Commit::default();
        }
        let (volatile, kept): (Vec<Write>, Vec<Write>) =
            written.into_iter().partition(|write| write.volatile);
        let shown = volatile.iter().map(change).collect();
        let changes = kept.iter().map(change).collect();
        let records = kept.into_iter().map(Write::into_record).collect();
        let ticket = journal.append(state.version, records, changes);
        if journal.wants_snapshot() {
            journal.compact(state.snapshot());
        }
        Commit { shown, ticket }
    }

    fn show(&self, changes: &[(GroupKind, u64)]) {
        for (kind, version) in changes {
            self.feeds.publish(kind, *version);
        }
    }

    async fn settle(&self, commit: Commit) -> Result<(), StoreError> {
        self.show(&commit.shown);
        match commit.ticket {
            Some(ticket) => ticket.wait().await,
            None => Ok(()),
        }
    }

    /// Does a write and all that follows from it.
    async fn write<T>(
        &self,
        act: impl FnOnce(&mut State) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(journal) = &self.journal {
            journal.check()?;
        }
        let ((result, mut more), commit) =
            self.change(|state| (act(state), state.collect(COLLECT_AT_ONCE)));
        self.settle(commit).await?;
        while more {
            tokio::task::yield_now().await;
            let (left, commit) = self.change(|state| state.collect(COLLECT_AT_ONCE));
            self.settle(commit).await?;
            more = left;
        }
        result
    }

    /// Lets go of what has ended, so that reads do not show it.
    fn tidy(&self) {
        if self.state.read().has_expired(self.clock.now()) {
            // What ends by itself is volatile, so that nothing has to be waited for.
            let ((), commit) = self.change(|_| ());
            self.show(&commit.shown);
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
        list::list(&self.inner, kind, options).await
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
