//! The scaler as reconcilers see it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{ScaleStatus, ScaleTarget};
use crate::gateway::RevisionKey;

/// What is asked for a revision: to be let go, to be scaled like this, or one after the other.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Whatever was known under this name ends first: what comes may be another revision.
    pub(super) ends: bool,
    pub(super) target: Option<Box<ScaleTarget>>,
}

/// Tells a scaler what to scale, and asks it how that stands. Cheap to clone; no call waits.
#[derive(Clone, Debug, Default)]
pub struct ScalerHandle {
    board: Arc<Board>,
}

/// Holds at most one entry of each sort per revision.
#[derive(Debug, Default)]
struct Board {
    orders: Mutex<BTreeMap<RevisionKey, Order>>,
    ordered: Notify,
    statuses: Mutex<BTreeMap<RevisionKey, Arc<ScaleStatus>>>,
    changed: Mutex<BTreeSet<RevisionKey>>,
    changes: Notify,
}

impl ScalerHandle {
    /// Scales a revision, or scales it as `target` says from now on.
    pub fn set(&self, target: ScaleTarget) {
        let key = target.revision.clone();
        self.order(key, |order| order.target = Some(Box::new(target)));
    }

    /// Lets a revision go: its instances finish their requests, then its workload is deleted. To be called before the
    /// gateway is told to forget the revision.
    pub fn remove(&self, revision: &RevisionKey) {
        self.order(revision.clone(), |order| {
            *order = Order {
                ends: true,
                target: None,
            };
        });
    }

    /// How the scale of a revision stands; `None` if nothing is known of it yet.
    pub fn status(&self, revision: &RevisionKey) -> Option<Arc<ScaleStatus>> {
        self.board.statuses.lock().get(revision).cloned()
    }

    /// The next revision whose status changed; a change of the measured load alone is none. For one consumer, which turns
    /// it into work for a reconciler.
    pub async fn changed(&self) -> RevisionKey {
        loop {
            let next = self.board.changed.lock().pop_first();
            if let Some(key) = next {
                return key;
            }
            self.board.changes.notified().await;
        }
    }

    fn order(&self, key: RevisionKey, change: impl FnOnce(&mut Order)) {
        change(self.board.orders.lock().entry(key).or_default());
        self.board.ordered.notify_one();
    }

    pub(super) async fn next_order(&self) -> (RevisionKey, Order) {
        loop {
            let next = self.board.orders.lock().pop_first();
            if let Some(order) = next {
                return order;
            }
            self.board.ordered.notified().await;
        }
    }

    /// What was ordered since the last call: whether something ends, and whether something is scaled.
    #[cfg(test)]
    pub(crate) fn ordered(&self) -> Vec<(bool, bool)> {
        let orders = std::mem::take(&mut *self.board.orders.lock());
        let orders = orders.values();
        orders
            .map(|order| (order.ends, order.target.is_some()))
            .collect()
    }

    pub(super) fn publish(&self, key: &RevisionKey, status: ScaleStatus) {
        let mut statuses = self.board.statuses.lock();
        let before = statuses.get(key);
        let same = before.is_some_and(|before| before.says_as(&status));
        statuses.insert(key.clone(), Arc::new(status));
        drop(statuses);
        if !same {
            self.board.changed.lock().insert(key.clone());
            self.board.changes.notify_one();
        }
    }

    pub(super) fn forget(&self, key: &RevisionKey) {
        self.board.statuses.lock().remove(key);
    }
}
