//! A state from what the journal remembers, and the snapshot that it writes.

use std::sync::Arc;

use crate::{
    Kind,
    object::{GroupKind, Object, ObjectExt as _, ObjectKey},
    schema::Schema,
    store::{
        journal::{Record, Recovered, Snapshot},
        packed::Packed,
    },
};

use super::{
    gc::Work,
    namespace::NAMESPACE,
    state::State,
    table::{Name, Table},
};

impl State {
    /// All that is journaled, as it is now.
    pub(super) fn snapshot(&self) -> Snapshot {
        let kept = self.tables.values().filter(|table| !table.kind.volatile);
        let objects = kept.flat_map(|table| table.objects.values().cloned());
        Snapshot {
            objects: objects.collect(),
            version: self.version,
        }
    }

    /// Takes in what a journal holds. The history of its log is kept, so that watches of before can go on.
    pub(super) fn restore(&mut self, recovered: Recovered) {
        for record in recovered.snapshot {
            if let Record::Put(object) = record {
                self.restore_object(object);
            }
        }
        self.version = self.version.max(recovered.snapshot_version);
        let mut reserved = 0;
        for record in recovered.log {
            match record {
                Record::Put(object) => self.replay(object),
                Record::Removed { key, version } => self.replay_removal(&key, version),
                Record::Reserved(version) => reserved = version.max(reserved),
                Record::End(_) => {}
            }
        }
        if reserved > 0 {
            self.version = self.version.max(reserved) + 1;
        }
        for table in self.tables.values_mut() {
            let known_after = if table.kind.volatile {
                self.version
            } else {
                recovered.snapshot_version
            };
            table.raise_floor(known_after);
        }
        self.take_written();
        self.revisit();
    }

    fn restore_object(&mut self, packed: Packed) {
        let object = packed.unpack();
        let Some(key) = ObjectKey::of_object(&object) else {
            return;
        };
        self.reindex(&key, None, Some(&object));
        let objects = &mut self.table_of(&key.kind, &object).objects;
        objects.insert(Arc::new(Name::of(&key)), packed);
    }

    fn replay(&mut self, packed: Packed) {
        let object = Arc::new(packed.unpack());
        if let (Some(key), 1..) = (ObjectKey::of_object(&object), packed.version) {
            self.table_of(&key.kind, &object);
            self.version = packed.version;
            self.warm.keep(&packed, &object);
            self.change(&key, &object, packed, false);
        }
    }

    fn replay_removal(&mut self, key: &ObjectKey, version: u64) {
        self.version = version;
        if let Some(last) = self.get(key) {
            let mut last = last.as_ref().clone();
            last.metadata.resource_version = Some(version.to_string());
            let packed = Packed::of(&last);
            self.change(key, &last, packed, true);
        }
    }

    /// The table of a kind; one that is no longer served keeps its objects for the day that it is again.
    fn table_of(&mut self, kind: &GroupKind, object: &Object) -> &mut Table {
        let limit = self.history_limit;
        self.tables.entry(kind.clone()).or_insert_with(|| {
            let version = object.types.as_ref().map_or("", |types| {
                let version = types.api_version.as_str();
                version
                    .split_once('/')
                    .map_or(version, |(_, version)| version)
            });
            let kind = Kind::new(
                &kind.group,
                version,
                &kind.kind,
                "",
                Arc::new(Schema::default()),
            );
            Table::new(Arc::new(kind), limit)
        })
    }

    /// A crash may have come between a write and what follows from it.
    fn revisit(&mut self) {
        let mut work = Vec::new();
        for (kind, table) in &self.tables {
            for (name, packed) in &table.objects {
                let object = packed.unpack();
                let key = ObjectKey::new(kind.clone(), name.namespace.as_str(), name.name.as_str());
                if *kind == NAMESPACE {
                    work.push(Work::Furnish(key.name.clone()));
                    work.push(Work::Namespace(key.name.clone()));
                }
                let evicted = self.is_in_ending_namespace(&key);
                if evicted {
                    work.push(Work::Evict(key));
                } else if object.is_deleting() || self.may_miss_owners(&object) {
                    work.push(Work::Examine(key));
                }
            }
        }
        self.work.clear();
        self.work.extend(work);
    }

    fn is_in_ending_namespace(&self, key: &ObjectKey) -> bool {
        let namespace = ObjectKey::new(NAMESPACE, "", key.namespace.as_str());
        !key.namespace.is_empty()
            && self
                .get(&namespace)
                .is_some_and(|found| found.is_deleting())
    }

    /// Owners of volatile kinds are gone after every restart, which says nothing.
    fn may_miss_owners(&self, object: &Object) -> bool {
        let owners = object.metadata.owner_references.iter().flatten();
        let mut owners = owners.peekable();
        owners.peek().is_some()
            && owners.all(|owner| {
                let group = owner
                    .api_version
                    .split_once('/')
                    .map_or("", |(group, _)| group);
                let kind = self
                    .kinds
                    .get(&GroupKind::owned(group, owner.kind.as_str()));
                kind.is_some_and(|kind| !kind.volatile)
            })
    }
}
