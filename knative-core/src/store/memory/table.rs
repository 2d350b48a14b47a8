//! The objects of one kind, and what lately happened to them.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use crate::{Kind, object::ObjectKey, store::packed::Packed};

use super::{expiry::Expiry, readers::Readers};

/// For how long changes are kept; how long etcd keeps them for Kubernetes.
const RECENT: SignedDuration = SignedDuration::from_mins(5);
/// So many are kept however old they are.
const LASTING: usize = 100;
/// How many bytes are kept beyond those, all counted.
const ROOM: usize = 256 << 10;
/// How many bytes are kept for those who watch and are that far behind.
const BACKLOG: usize = 16 << 20;
/// For how long changes are kept however many bytes that is: time to begin to watch after a list.
const YOUNG: SignedDuration = SignedDuration::from_millis(500);

/// A place in a table. The order is that of lists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Name {
    pub(super) fn of(key: &ObjectKey) -> Self {
        Self {
            namespace: key.namespace.clone(),
            name: key.name.clone(),
        }
    }

    /// The place before all names of a namespace.
    pub(super) fn first_in(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: String::new(),
        }
    }
}

/// One change of an object.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) name: Arc<Name>,
    /// The state after the change; for a removal the last one, with the version of the removal.
    pub(super) object: Packed,
    pub(super) previous: Option<Packed>,
    pub(super) removed: bool,
}

#[derive(Debug)]
pub(super) struct Table {
    pub(super) kind: Arc<Kind>,
    pub(super) objects: BTreeMap<Arc<Name>, Packed>,
    /// The newest changes, oldest first, and when they were made.
    history: VecDeque<(Timestamp, Change)>,
    /// How many changes are kept at most.
    limit: usize,
    /// How many bytes their objects take.
    held: usize,
    /// All changes after this version are in `history`.
    floor: u64,
    /// Who reads the history.
    pub(super) readers: Readers,
    pub(super) expiry: Option<Expiry>,
}

impl Table {
    pub(super) fn new(kind: Arc<Kind>, limit: usize) -> Self {
        let expiry = Expiry::of(&kind.group_kind());
        Self {
            kind,
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            limit,
            held: 0,
            floor: 0,
            readers: Readers::default(),
            expiry,
        }
    }

    pub(super) fn remember(&mut self, change: Change, now: Timestamp) {
        if let Some(expiry) = &mut self.expiry {
            expiry.note(&change, now);
        }
        self.held += change.object.size();
        self.history.push_back((now, change));
        while self.history.len() > self.limit {
            self.forget_oldest();
        }
    }

    /// Forgets what is old, or too much. Those who watch see changes up to `settled`.
    pub(super) fn trim(&mut self, now: Timestamp, settled: u64) {
        while self.has_too_much(now, settled) {
            self.forget_oldest();
        }
    }

    fn has_too_much(&self, now: Timestamp, settled: u64) -> bool {
        let Some((at, oldest)) = self.history.front() else {
            return false;
        };
        let age = now.duration_since(*at);
        if self.history.len() <= LASTING || oldest.version > settled {
            return false;
        }
        let too_large = age > YOUNG && self.held > ROOM;
        let is_read = || self.held > BACKLOG || oldest.version <= self.readers.slowest();
        age > RECENT || too_large && is_read()
    }

    fn forget_oldest(&mut self) {
        if let Some((_, oldest)) = self.history.pop_front() {
            self.floor = oldest.version;
            self.held -= oldest.object.size();
        }
    }

    /// Nothing is known of changes up to `version`.
    pub(super) fn raise_floor(&mut self, version: u64) {
        self.history.retain(|(_, change)| change.version > version);
        let sizes = self.history.iter().map(|(_, change)| change.object.size());
        self.held = sizes.sum();
        self.floor = self.floor.max(version);
    }

    /// The oldest version after which every change is known.
    pub(super) const fn floor(&self) -> u64 {
        self.floor
    }

    /// The known changes after `version`, oldest first.
    pub(super) fn changes_after(&self, version: u64) -> impl Iterator<Item = &Change> {
        let start = self
            .history
            .partition_point(|(_, change)| change.version <= version);
        self.history.range(start..).map(|(_, change)| change)
    }

    /// The objects of a namespace, or all, in order.
    pub(super) fn within<'a>(
        &'a self,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Name, &'a Packed)> {
        let start = Name::first_in(namespace.unwrap_or_default());
        self.objects
            .range::<Name, _>(&start..)
            .map(|(name, packed)| (name.as_ref(), packed))
            .take_while(move |(name, _)| namespace.is_none_or(|wanted| name.namespace == wanted))
    }

    /// All objects as they were at `version`, which must not be below the floor.
    pub(super) fn at(&self, version: u64) -> BTreeMap<&Name, &Packed> {
        let mut objects: BTreeMap<&Name, &Packed> = self.within(None).collect();
        let mut later: Vec<&Change> = self.changes_after(version).collect();
        // From the newest back, so that the state before the first later change remains.
        later.reverse();
        for change in later {
            match &change.previous {
                Some(previous) => objects.insert(&change.name, previous),
                None => objects.remove(change.name.as_ref()),
            };
        }
        objects
    }

    pub(super) fn oldest_beyond_bound(&self) -> Option<Arc<Name>> {
        self.expiry.as_ref()?.oldest_beyond_bound()
    }
}
