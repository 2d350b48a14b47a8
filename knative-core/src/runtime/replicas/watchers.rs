//! Tells every watcher of every change, merging states of one instance that a slow watcher has not read yet.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Weak},
};

use futures::stream::{self, BoxStream, StreamExt};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::runtime::{InstanceId, Observation};

/// What one watcher has not read yet: the latest observation of each instance, in the order of first change.
#[derive(Debug, Default)]
struct Pending {
    order: VecDeque<InstanceId>,
    latest: BTreeMap<InstanceId, Observation>,
}

impl Pending {
    fn push(&mut self, id: &InstanceId, observation: Observation) {
        if self.latest.insert(id.clone(), observation).is_none() {
            self.order.push_back(id.clone());
        }
    }

    fn pop(&mut self) -> Option<Observation> {
        let id = self.order.pop_front()?;
        self.latest.remove(&id)
    }
}

#[derive(Debug, Default)]
struct Watcher {
    pending: Mutex<Pending>,
    changed: Notify,
}

/// All watchers of one runtime.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    watchers: Mutex<Vec<Weak<Watcher>>>,
}

impl Watchers {
    /// Tells all watchers.
    pub(super) fn tell(&self, id: &InstanceId, observation: &Observation) {
        self.watchers.lock().retain(|watcher| {
            let Some(watcher) = watcher.upgrade() else {
                return false;
            };
            watcher.pending.lock().push(id, observation.clone());
            watcher.changed.notify_one();
            true
        });
    }

    /// A stream of `existing`, then [`Observation::Synced`], then every change. The caller holds the lock under which
    /// changes are told, so that none falls between.
    pub(super) fn subscribe(&self, existing: Vec<Observation>) -> BoxStream<'static, Observation> {
        let watcher = Arc::new(Watcher::default());
        self.watchers.lock().push(Arc::downgrade(&watcher));
        let changes = stream::unfold(watcher, |watcher| async move {
            loop {
                let next = watcher.pending.lock().pop();
                if let Some(observation) = next {
                    return Some((observation, watcher));
                }
                watcher.changed.notified().await;
            }
        });
        stream::iter(existing)
            .chain(stream::once(async { Observation::Synced }))
            .chain(changes)
            .boxed()
    }
}
