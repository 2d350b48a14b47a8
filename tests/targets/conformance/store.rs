//! Stores: in memory, and with a journal that is synced or not.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use knative_core::{
    Ids, Kinds, SystemClock,
    conformance::store::{Capabilities, Harness, trials as kit},
    store::{JournalOptions, MemoryStore, Store},
};
use libtest_mimic::Trial;
use tempfile::TempDir;

/// More changes than a store keeps of a kind.
const BEYOND_HISTORY: usize = 3_000;

pub(crate) fn trials() -> Vec<Trial> {
    let harnesses: [Arc<dyn Harness>; 3] = [
        Arc::new(Memory),
        Arc::new(Journaled::new("journal", false)),
        Arc::new(Journaled::new("synced_journal", true)),
    ];
    harnesses.iter().flat_map(kit).collect()
}

#[derive(Debug)]
struct Memory;

#[async_trait]
impl Harness for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.history = Some(BEYOND_HISTORY);
        capabilities
    }

    async fn open(&self, kinds: Arc<Kinds>) -> Arc<dyn Store> {
        let ids = Arc::new(Ids::seeded(1));
        Arc::new(MemoryStore::new(kinds, Arc::new(SystemClock), ids))
    }
}

/// Stores in directories that vanish with the harness.
#[derive(Debug)]
struct Journaled {
    name: &'static str,
    sync: bool,
    opened: AtomicU64,
    places: Mutex<Vec<Place>>,
}

#[derive(Debug)]
struct Place {
    store: Weak<dyn Store>,
    directory: TempDir,
}

impl Journaled {
    fn new(name: &'static str, sync: bool) -> Self {
        Self {
            name,
            sync,
            opened: AtomicU64::new(0),
            places: Mutex::default(),
        }
    }

    async fn open_in(&self, directory: TempDir, kinds: Arc<Kinds>) -> Arc<dyn Store> {
        let seed = self.opened.fetch_add(1, Ordering::Relaxed);
        let ids = Arc::new(Ids::seeded(seed));
        let mut options = JournalOptions::default();
        options.sync = self.sync;
        let (path, clock) = (directory.path(), Arc::new(SystemClock));
        let store = MemoryStore::open(path, options, kinds, clock, ids).await;
        let store: Arc<dyn Store> = Arc::new(store.expect("the journal can be opened"));
        let place = Place {
            store: Arc::downgrade(&store),
            directory,
        };
        self.places.lock().expect("no case panics here").push(place);
        store
    }

    fn path_of(&self, store: &Arc<dyn Store>) -> PathBuf {
        let store = Arc::downgrade(store);
        let places = self.places.lock().expect("no case panics here");
        let place = places.iter().find(|place| place.store.ptr_eq(&store));
        place
            .expect("it was opened here")
            .directory
            .path()
            .to_owned()
    }
}

#[async_trait]
impl Harness for Journaled {
    fn name(&self) -> &str {
        self.name
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.restart = true;
        // So many synced writes take too long.
        capabilities.history = (!self.sync).then_some(BEYOND_HISTORY);
        capabilities
    }

    async fn open(&self, kinds: Arc<Kinds>) -> Arc<dyn Store> {
        let directory = TempDir::new().expect("a scratch directory");
        self.open_in(directory, kinds).await
    }

    /// The files as they are at this moment are what a crash would leave.
    async fn restart(&self, store: Arc<dyn Store>, kinds: Arc<Kinds>) -> Arc<dyn Store> {
        let left = TempDir::new().expect("a scratch directory");
        for entry in fs::read_dir(self.path_of(&store)).expect("the directory is there") {
            let file = entry.expect("its files can be listed").path();
            let name = file.file_name().expect("files have names");
            fs::copy(&file, left.path().join(name)).expect("files can be copied");
        }
        drop(store);
        self.open_in(left, kinds).await
    }
}
