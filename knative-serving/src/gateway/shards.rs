//! A map that is cheap to copy with a change: the copy shares all shards but the changed ones.

use std::{
    borrow::Borrow,
    collections::{HashMap, hash_map::DefaultHasher},
    hash::{BuildHasher, BuildHasherDefault, Hash},
    sync::Arc,
};

const SHARDS: usize = 256;

/// Fixed keys, so that runs repeat; what is looked up from outside is never inserted.
pub(super) type FixedState = BuildHasherDefault<DefaultHasher>;

/// A hash map whose hashes are the same in every run.
pub(super) type FixedMap<K, V> = HashMap<K, V, FixedState>;

/// The shard of a key among `count`.
pub(super) fn shard<Q: Hash + ?Sized>(key: &Q, count: usize) -> usize {
    let hash = FixedState::default().hash_one(key);
    // The map inside a shard uses the low bits and the topmost seven.
    usize::try_from((hash >> 40) & 0xffff).unwrap_or(0) % count
}

#[derive(Clone, Debug)]
pub(super) struct Shards<K, V>(Vec<Arc<FixedMap<K, V>>>);

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        let empty = Arc::new(FixedMap::default());
        Self(vec![empty; SHARDS])
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Shards<K, V> {
    pub(super) fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.0[shard(key, SHARDS)].get(key)
    }

    /// The shard that holds `key`, to be changed.
    pub(super) fn shard_mut<Q: Hash + ?Sized>(&mut self, key: &Q) -> &mut FixedMap<K, V> {
        Arc::make_mut(&mut self.0[shard(key, SHARDS)])
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|shard| shard.len()).sum()
    }
}
