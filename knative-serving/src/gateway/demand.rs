//! Who needs instances, told to the scaler through memory.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{RevisionKey, live::Revision};

/// Revisions with requests that wait. Each is in it at most once, so its size is bounded and nothing is ever left out.
#[derive(Debug, Default)]
pub(super) struct Demand {
    queue: Mutex<VecDeque<Arc<Revision>>>,
    changed: Notify,
}

impl Demand {
    /// Tells that a request of `revision` waits.
    pub(super) fn signal(&self, revision: &Arc<Revision>) {
        if !revision.demanded.swap(true, Ordering::AcqRel) {
            self.queue.lock().push_back(Arc::clone(revision));
            self.changed.notify_one();
        }
    }

    /// The next revision. What is signalled from now on comes again.
    pub(super) async fn next(&self) -> RevisionKey {
        loop {
            if let Some(key) = self.pop() {
                return key;
            }
            self.changed.notified().await;
        }
    }

    fn pop(&self) -> Option<RevisionKey> {
        let revision = self.queue.lock().pop_front()?;
        revision.demanded.store(false, Ordering::Release);
        Some(revision.key().clone())
    }
}
