//! What a controller knows of a kind: every object, decoded once per change.

use std::{collections::BTreeSet, fmt, sync::Arc};

use futures::{Stream, StreamExt};
use kube_core::Resource;
use parking_lot::RwLock;
use serde::de::DeserializeOwned;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{Store, StoreError, WatchEvent, WatchOptions, index::Index, pace::Pace};
use crate::{
    fanout::Fanout,
    object::{GroupKind, Object, ObjectExt},
};

/// The name of an object of a known kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespacedName {
    /// Its namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl NamespacedName {
    /// A name in a namespace.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The name of an object.
    pub fn of<K: Resource>(object: &K) -> Self {
        Self::new(object.namespace(), object.name())
    }
}

impl fmt::Display for NamespacedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A change of a cached kind.
#[derive(Debug)]
#[non_exhaustive]
pub enum Change<K> {
    /// The object is as it is now.
    Applied(Arc<K>),
    /// The object is gone; this was its last state.
    Gone(Arc<K>),
}

impl<K> Clone for Change<K> {
    fn clone(&self) -> Self {
        match self {
            Self::Applied(object) => Self::Applied(Arc::clone(object)),
            Self::Gone(object) => Self::Gone(Arc::clone(object)),
        }
    }
}

impl<K> Change<K> {
    /// The object.
    pub const fn object(&self) -> &Arc<K> {
        match self {
            Self::Applied(object) | Self::Gone(object) => object,
        }
    }
}

/// A kind that can be cached: its names are known when compiling, and it is decoded from JSON.
pub trait Cached:
    Resource<DynamicType = ()> + DeserializeOwned + fmt::Debug + Send + Sync + 'static
{
}

impl<K> Cached for K where
    K: Resource<DynamicType = ()> + DeserializeOwned + fmt::Debug + Send + Sync + 'static
{
}

/// All objects of a kind as of the last change that was seen. Clones share one state; reading never waits.
#[derive(Debug)]
pub struct Cache<K> {
    shared: Arc<Shared<K>>,
}

impl<K> Clone for Cache<K> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

#[derive(Debug)]
struct Shared<K> {
    store: Arc<dyn Store>,
    objects: RwLock<Index<K>>,
    changes: Fanout<NamespacedName, Change<K>>,
    synced: watch::Sender<bool>,
}

impl<K: Cached> Cache<K> {
    /// An empty cache of `store`; [`Cache::run`] fills it.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            shared: Arc::new(Shared {
                store,
                objects: RwLock::default(),
                changes: Fanout::default(),
                synced: watch::Sender::new(false),
            }),
        }
    }

    /// An object by name.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        let name = NamespacedName::new(namespace, name);
        self.shared.objects.read().objects.get(&name).cloned()
    }

    /// All objects, in the order of namespace and name.
    pub fn list(&self) -> Vec<Arc<K>> {
        self.shared
            .objects
            .read()
            .objects
            .values()
            .cloned()
            .collect()
    }

    /// The objects of one namespace.
    pub fn list_in(&self, namespace: &str) -> Vec<Arc<K>> {
        let objects = self.shared.objects.read();
        let from = objects.objects.range(NamespacedName::new(namespace, "")..);
        from.take_while(|(name, _)| name.namespace == namespace)
            .map(|(_, object)| Arc::clone(object))
            .collect()
    }

    /// The objects that an owner (its uid) controls.
    pub fn owned_by(&self, uid: &str) -> Vec<Arc<K>> {
        let objects = self.shared.objects.read();
        objects.owned_by(uid).cloned().collect()
    }

    /// Every object there is, then every change. A slow reader misses nothing but states that were replaced.
    pub fn subscribe(&self) -> impl Stream<Item = Change<K>> + Send + use<K> {
        let objects = self.shared.objects.read();
        let existing: Vec<_> = objects
            .objects
            .values()
            .cloned()
            .map(Change::Applied)
            .collect();
        let changes = self.shared.changes.subscribe();
        futures::stream::iter(existing).chain(changes)
    }

    /// Answers once every object that existed when the cache began is in it.
    pub async fn wait_synced(&self) {
        // The sender lives as long as `self`.
        let _ = self
            .shared
            .synced
            .subscribe()
            .wait_for(|synced| *synced)
            .await;
    }

    /// Keeps the cache up to date until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.follow_always()).await;
    }

    /// One watch after the other.
    async fn follow_always(&self) {
        let mut pace = Pace::default();
        loop {
            let (began, mut was_synced) = (Instant::now(), false);
            match self.follow(&mut was_synced).await {
                Err(StoreError::Expired { message }) => {
                    debug!(kind = %GroupKind::of::<K>(), message, "a watch begins anew");
                    if was_synced {
                        // It was too slow, which says nothing of the store.
                        pace = Pace::default();
                    }
                }
                Err(error) => {
                    warn!(kind = %GroupKind::of::<K>(), %error, "a watch failed, it is begun again");
                }
                Ok(()) => {}
            }
            sleep(pace.after(began.elapsed())).await;
        }
    }

    /// One watch, from all objects to its end; notes when it has told all that existed.
    async fn follow(&self, was_synced: &mut bool) -> Result<(), StoreError> {
        let options = WatchOptions {
            bookmarks: true,
            ..WatchOptions::default()
        };
        let mut events = self
            .shared
            .store
            .watch(&GroupKind::of::<K>(), &options)
            .await?;
        let mut initial = Some(BTreeSet::new());
        while let Some(event) = events.next().await {
            match event? {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    let name = self.shared.apply(&object);
                    if let Some(seen) = &mut initial {
                        seen.insert(name);
                    }
                }
                WatchEvent::Deleted(object) => {
                    self.shared.remove(&NamespacedName::of_object(&object));
                }
                WatchEvent::Bookmark {
                    initial_events_end: true,
                    ..
                } => {
                    self.shared.retain(&initial.take().unwrap_or_default());
                    self.shared.synced.send_replace(true);
                    *was_synced = true;
                }
                WatchEvent::Bookmark { .. } => {}
            }
        }
        Ok(())
    }
}

impl NamespacedName {
    fn of_object(object: &Object) -> Self {
        let metadata = &object.metadata;
        Self::new(
            metadata.namespace.clone().unwrap_or_default(),
            metadata.name.clone().unwrap_or_default(),
        )
    }
}

impl<K: Cached> Shared<K> {
    /// Takes in a state; answers with its name. One that cannot be decoded leaves the last good state.
    fn apply(&self, object: &Object) -> NamespacedName {
        let name = NamespacedName::of_object(object);
        match decode::<K>(object) {
            Ok(decoded) => {
                let decoded = Arc::new(decoded);
                let mut objects = self.objects.write();
                objects.insert(name.clone(), Arc::clone(&decoded));
                self.changes.tell(&name, &Change::Applied(decoded));
            }
            Err(error) => {
                warn!(kind = %GroupKind::of::<K>(), %name, %error, "an object cannot be decoded");
            }
        }
        name
    }

    fn remove(&self, name: &NamespacedName) {
        let mut objects = self.objects.write();
        if let Some(last) = objects.remove(name) {
            self.changes.tell(name, &Change::Gone(last));
        }
    }

    /// Removes what a new watch no longer names.
    fn retain(&self, seen: &BTreeSet<NamespacedName>) {
        let gone: Vec<NamespacedName> = self
            .objects
            .read()
            .objects
            .keys()
            .filter(|name| !seen.contains(name))
            .cloned()
            .collect();
        for name in gone {
            self.remove(&name);
        }
    }
}

/// Decodes a stored object as a Rust type.
///
/// # Errors
/// The object is not of that shape.
pub fn decode<K: DeserializeOwned>(object: &Object) -> Result<K, serde_json::Error> {
    super::codec::decode(object)
}

#[cfg(test)]
mod tests;
