//! Names that changed, each told once until it is taken.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// For one reader.
pub(crate) struct Signal<K> {
    waiting: Mutex<BTreeSet<K>>,
    changed: Notify,
}

impl<K> Default for Signal<K> {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            changed: Notify::default(),
        }
    }
}

impl<K> fmt::Debug for Signal<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal")
            .field("waiting", &self.waiting.lock().len())
            .finish_non_exhaustive()
    }
}

impl<K: Ord + Send + 'static> Signal<K> {
    /// Tells the reader of a change.
    pub(crate) fn tell(&self, name: K) {
        self.waiting.lock().insert(name);
        self.changed.notify_one();
    }

    /// All that changed since the last call; waits for a change if there was none.
    pub(crate) async fn next(&self) -> BTreeSet<K> {
        loop {
            let taken = std::mem::take(&mut *self.waiting.lock());
            if !taken.is_empty() {
                return taken;
            }
            self.changed.notified().await;
        }
    }

    /// The changes as a stream, which never ends.
    pub(crate) fn stream(self: Arc<Self>) -> BoxStream<'static, Vec<K>> {
        stream::unfold(self, |signal| async move {
            let names = signal.next().await.into_iter().collect();
            Some((names, signal))
        })
        .boxed()
    }
}
