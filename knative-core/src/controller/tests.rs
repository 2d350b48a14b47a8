use std::{collections::BTreeMap, sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    Ids, Kinds, TokioClock, kinds,
    object::{ObjectExt, owner_reference},
    store::{Api, Cache, MemoryStore, NamespacedName, Store, StoreError},
};

/// Counts passes by name and fails the first ones of a map that says so.
#[derive(Debug, Default)]
struct Seen {
    passes: Mutex<BTreeMap<String, Vec<Instant>>>,
    forgotten: Mutex<Vec<NamespacedName>>,
    changed: Notify,
}

#[derive(Debug, Clone)]
struct Counting(Arc<Seen>);

impl Reconciler for Counting {
    type Resource = ConfigMap;
    type Error = StoreError;

    async fn reconcile(&self, map: Arc<ConfigMap>) -> Result<Action, StoreError> {
        let count = {
            let mut passes = self.0.passes.lock();
            let times = passes.entry(map.name().to_owned()).or_default();
            times.push(Instant::now());
            times.len()
        };
        self.0.changed.notify_one();
        let failures = map
            .data
            .as_ref()
            .and_then(|data| data.get("failures")?.parse::<usize>().ok());
        if count <= failures.unwrap_or(0) {
            return Err(StoreError::bad_request("told to fail"));
        }
        Ok(Action::done())
    }

    fn forget(&self, name: &NamespacedName) {
        self.0.forgotten.lock().push(name.clone());
        self.0.changed.notify_one();
    }
}

struct World {
    maps: Api<ConfigMap>,
    secrets: Api<Secret>,
    seen: Arc<Seen>,
    shutdown: CancellationToken,
    running: tokio::task::JoinSet<()>,
}

impl World {
    fn start() -> Self {
        let mut registry = Kinds::new();
        kinds::core::register(&mut registry);
        let clock = Arc::new(TokioClock::starting_at(jiff::Timestamp::UNIX_EPOCH));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(
            Arc::new(registry),
            clock,
            Arc::new(Ids::seeded(3)),
        ));
        let (maps, secrets) = (
            Cache::new(Arc::clone(&store)),
            Cache::<Secret>::new(Arc::clone(&store)),
        );
        let (seen, shutdown) = (Arc::new(Seen::default()), CancellationToken::new());
        let controller =
            Controller::new("counting", Counting(Arc::clone(&seen)), maps.clone()).owns(&secrets);
        let mut running = tokio::task::JoinSet::new();
        running.spawn(maps.run(shutdown.clone()));
        running.spawn(secrets.run(shutdown.clone()));
        running.spawn(controller.run(shutdown.clone()));
        Self {
            maps: Api::new(Arc::clone(&store)),
            secrets: Api::new(store),
            seen,
            shutdown,
            running,
        }
    }

    async fn create(&self, name: &str, failures: usize) -> ConfigMap {
        let mut map = ConfigMap::default();
        map.metadata.name = Some(name.to_owned());
        map.metadata.namespace = Some("default".to_owned());
        map.data = Some([("failures".to_owned(), failures.to_string())].into());
        self.maps.create(&map).await.unwrap()
    }

    async fn until_passes(&self, name: &str, wanted: usize) -> Vec<Instant> {
        loop {
            let times = self
                .seen
                .passes
                .lock()
                .get(name)
                .cloned()
                .unwrap_or_default();
            if times.len() >= wanted {
                return times;
            }
            self.seen.changed.notified().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn failures_come_back_ever_later() {
    let world = World::start();
    world.create("failing", 3).await;
    let times = world.until_passes("failing", 4).await;
    let waits: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        waits.windows(2).all(|pair| pair[1] >= pair[0] * 2),
        "{waits:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_of_what_is_owned_reconciles_the_owner() {
    let world = World::start();
    let owner = world.create("owner", 0).await;
    let before = world.until_passes("owner", 1).await.len();
    let mut secret = Secret::default();
    secret.metadata.name = Some("owned".to_owned());
    secret.metadata.namespace = Some("default".to_owned());
    secret.metadata.owner_references = Some(vec![owner_reference(&owner)]);
    world.secrets.create(&secret).await.unwrap();
    world.until_passes("owner", before + 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_deleted_object_is_forgotten_and_the_end_is_orderly() {
    let mut world = World::start();
    world.create("gone", 0).await;
    world.until_passes("gone", 1).await;
    world
        .maps
        .delete("default", "gone", &crate::store::DeleteOptions::default())
        .await
        .unwrap();
    while world.seen.forgotten.lock().is_empty() {
        world.seen.changed.notified().await;
    }
    world.shutdown.cancel();
    while let Some(ended) = world.running.join_next().await {
        ended.unwrap();
    }
}
