//! Tells watchers of a kind how far its changes may be shown.

use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::{Kinds, object::GroupKind};

/// For each kind the version up to which its changes are settled: with a journal, those that are in it.
#[derive(Debug)]
pub(in crate::store) struct Feeds {
    by_kind: BTreeMap<GroupKind, watch::Sender<u64>>,
}

impl Feeds {
    pub(in crate::store) fn new(kinds: &Kinds, version: u64) -> Self {
        let feed =
            |kind: &std::sync::Arc<crate::Kind>| (kind.group_kind(), watch::Sender::new(version));
        Self {
            by_kind: kinds.iter().map(feed).collect(),
        }
    }

    pub(in crate::store) fn publish(&self, kind: &GroupKind, version: u64) {
        if let Some(feed) = self.by_kind.get(kind) {
            feed.send_if_modified(|settled| {
                let newer = version > *settled;
                *settled = version.max(*settled);
                newer
            });
        }
    }

    /// Up to which version changes of a kind may be shown; those of a kind that is not served are nobody's to see.
    pub(super) fn settled(&self, kind: &GroupKind) -> u64 {
        let feed = self.by_kind.get(kind);
        feed.map_or(u64::MAX, |feed| *feed.borrow())
    }

    pub(super) fn subscribe(&self, kind: &GroupKind) -> Option<watch::Receiver<u64>> {
        self.by_kind.get(kind).map(watch::Sender::subscribe)
    }
}
