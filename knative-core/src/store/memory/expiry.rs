//! Kinds whose objects end by themselves: Events, which would otherwise pile up.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use crate::object::{GroupKind, ObjectKey};

use super::{
    state::State,
    table::{Change, Name},
};

/// How long an Event lives after its last write; the API server's `--event-ttl` by default.
const EVENT_TTL: SignedDuration = SignedDuration::from_hours(1);
/// How many Events are kept.
const EVENT_BOUND: usize = 5_000;

const EVENT: GroupKind = GroupKind::new("", "Event");

/// When the objects of a table end: the one written longest ago first.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    /// By the version of the last write.
    order: BTreeMap<u64, (Arc<Name>, Timestamp)>,
    written: BTreeMap<Arc<Name>, u64>,
}

impl Expiry {
    pub(super) fn of(kind: &GroupKind) -> Option<Self> {
        (*kind == EVENT).then(Self::default)
    }

    pub(super) fn note(&mut self, change: &Change, now: Timestamp) {
        if let Some(version) = self.written.remove(&change.name) {
            self.order.remove(&version);
        }
        if change.removed {
            return;
        }
        let due = now.saturating_add(EVENT_TTL).unwrap_or(Timestamp::MAX);
        let name = Arc::clone(&change.name);
        self.order.insert(change.version, (Arc::clone(&name), due));
        self.written.insert(name, change.version);
    }

    pub(super) fn oldest_beyond_bound(&self) -> Option<Arc<Name>> {
        let (name, _) = self.order.values().next()?;
        (self.order.len() > EVENT_BOUND).then(|| Arc::clone(name))
    }

    fn first_due(&self, now: Timestamp) -> Option<&Arc<Name>> {
        let (name, due) = self.order.values().next()?;
        (*due <= now).then_some(name)
    }
}

impl State {
    /// Whether an object has ended that is still there.
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.first_expired(now).is_some()
    }

    /// Removes what has ended.
    pub(super) fn expire(&mut self) {
        while let Some(key) = self.first_expired(self.now) {
            self.remove(&key);
        }
    }

    fn first_expired(&self, now: Timestamp) -> Option<ObjectKey> {
        let expiry = self.tables.get(&EVENT)?.expiry.as_ref()?;
        let name = expiry.first_due(now)?;
        let (namespace, name) = (name.namespace.as_str(), name.name.as_str());
        Some(ObjectKey::new(EVENT, namespace, name))
    }
}
