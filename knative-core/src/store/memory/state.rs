//! What a [`MemoryStore`](super::MemoryStore) holds: a table per kind, and the version they share.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use jiff::Timestamp;

use crate::{
    Ids, Kind, Kinds,
    object::{GroupKind, Object, ObjectKey},
    store::{
        StoreError,
        journal::Record,
        packed::{Packed, Warm},
    },
};

use super::{
    gc::Work,
    table::{Change, Name, Table},
};

/// The version of an empty store. Not 0, because clients take `resourceVersion: "0"` to mean "any".
const FIRST_VERSION: u64 = 1;

/// One write, as the journal takes it.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) key: ObjectKey,
    pub(super) version: u64,
    /// The new state; `None` when the object was removed.
    pub(super) object: Option<Packed>,
    pub(super) volatile: bool,
}

impl Write {
    pub(super) fn into_record(self) -> Record {
        match self.object {
            Some(object) => Record::Put(object),
            None => Record::Removed {
                key: self.key,
                version: self.version,
            },
        }
    }
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) kinds: Arc<Kinds>,
    pub(super) ids: Arc<Ids>,
    pub(super) version: u64,
    pub(super) tables: BTreeMap<GroupKind, Table>,
    pub(super) warm: Arc<Warm>,
    /// The objects that name an owner, by its uid, in order. Most have few, and a tree keeps room for eleven.
    pub(super) dependents: BTreeMap<String, Vec<ObjectKey>>,
    /// What garbage collection has to look at.
    pub(super) work: VecDeque<Work>,
    /// How many changes of each kind are kept.
    pub(super) history_limit: usize,
    /// The time of the write that is being made.
    pub(super) now: Timestamp,
    /// What was written since the last [`State::take_written`].
    written: Vec<Write>,
}

impl State {
    pub(super) fn new(kinds: Arc<Kinds>, ids: Arc<Ids>, history: usize) -> Self {
        let tables = kinds
            .iter()
            .map(|kind| (kind.group_kind(), Table::new(Arc::clone(kind), history)))
            .collect();
        Self {
            kinds,
            ids,
            version: FIRST_VERSION,
            tables,
            warm: Arc::default(),
            dependents: BTreeMap::new(),
            work: VecDeque::new(),
            history_limit: history,
            now: Timestamp::UNIX_EPOCH,
            written: Vec::new(),
        }
    }

    pub(super) fn kind(&self, kind: &GroupKind) -> Result<&Arc<Kind>, StoreError> {
        self.kinds
            .get(kind)
            .ok_or_else(|| StoreError::UnknownKind { kind: kind.clone() })
    }

    pub(super) fn table(&self, kind: &GroupKind) -> Result<&Table, StoreError> {
        self.kind(kind)?;
        self.tables
            .get(kind)
            .ok_or_else(|| StoreError::UnknownKind { kind: kind.clone() })
    }

    pub(super) fn get(&self, key: &ObjectKey) -> Option<Arc<Object>> {
        let packed = self.tables.get(&key.kind)?.objects.get(&Name::of(key))?;
        Some(self.warm.unpack(packed))
    }

    /// An object that must be there.
    pub(super) fn require(&self, key: &ObjectKey) -> Result<Arc<Object>, StoreError> {
        self.table(&key.kind)?;
        self.get(key)
            .ok_or_else(|| StoreError::NotFound { key: key.clone() })
    }

    /// Stores `object` under the next version.
    pub(super) fn put(&mut self, key: &ObjectKey, mut object: Object) -> Arc<Object> {
        object.metadata.resource_version = Some(self.next_version());
        let object = Arc::new(object);
        let packed = self.warm.pack(&object);
        let previous = self.change(key, &object, packed, false);
        self.note_put(key, previous.as_deref(), &object);
        self.make_room(&key.kind);
        object
    }

    /// Removes an object and answers with its last state, which carries the version of the removal.
    pub(super) fn remove(&mut self, key: &ObjectKey) -> Option<Arc<Object>> {
        let mut last = self.get(key)?.as_ref().clone();
        last.metadata.resource_version = Some(self.next_version());
        let last = Arc::new(last);
        let packed = self.warm.pack(&last);
        self.change(key, &last, packed, true);
        self.note_removed(key, &last);
        Some(last)
    }

    fn next_version(&mut self) -> String {
        self.version += 1;
        self.version.to_string()
    }

    /// Puts a change that has the current version in its place.
    pub(super) fn change(
        &mut self,
        key: &ObjectKey,
        object: &Object,
        packed: Packed,
        removed: bool,
    ) -> Option<Arc<Object>> {
        let (now, version) = (self.now, self.version);
        let before = self.get(key);
        let table = self.tables.get_mut(&key.kind)?;
        let name = Arc::new(Name::of(key));
        let previous = if removed {
            table.objects.remove(&name)
        } else {
            table.objects.insert(Arc::clone(&name), packed.clone())
        };
        let change = Change {
            version,
            name,
            object: packed.clone(),
            previous,
            removed,
        };
        table.remember(change, now);
        let write = Write {
            key: key.clone(),
            version,
            object: (!removed).then_some(packed),
            volatile: table.kind.volatile,
        };
        self.written.push(write);
        let after = (!removed).then_some(object);
        self.reindex(key, before.as_deref(), after);
        before
    }

    /// Keeps `dependents` true.
    pub(super) fn reindex(&mut self, key: &ObjectKey, old: Option<&Object>, new: Option<&Object>) {
        let (old, new) = (owners_of(old), owners_of(new));
        for gone in old.difference(&new) {
            if let Some(keys) = self.dependents.get_mut(*gone) {
                if let Ok(place) = keys.binary_search(key) {
                    keys.remove(place);
                }
                if keys.is_empty() {
                    self.dependents.remove(*gone);
                }
            }
        }
        for owner in new.difference(&old) {
            let keys = self.dependents.entry((*owner).to_owned()).or_default();
            if let Err(place) = keys.binary_search(key) {
                keys.insert(place, key.clone());
            }
        }
    }

    /// Drops what a bounded kind holds too many of.
    fn make_room(&mut self, kind: &GroupKind) {
        while let Some(oldest) = self.tables.get(kind).and_then(Table::oldest_beyond_bound) {
            let (namespace, name) = (oldest.namespace.as_str(), oldest.name.as_str());
            self.remove(&ObjectKey::new(kind.clone(), namespace, name));
        }
    }

    /// What was written since the last call, in order.
    pub(super) fn take_written(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.written)
    }
}

fn owners_of(object: Option<&Object>) -> BTreeSet<&str> {
    object
        .and_then(|object| object.metadata.owner_references.as_ref())
        .into_iter()
        .flatten()
        .map(|owner| owner.uid.as_str())
        .collect()
}
