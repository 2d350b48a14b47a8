//! Every write on disk: an append-only log, and from time to time a snapshot that makes older logs superfluous.
//!
//! A write is acknowledged when its records are appended (they survive the end of the process then); they are synced to
//! the disk within 10 ms, or before the answer if asked for. What is queued is appended together.

mod error;
mod file;
mod record;
mod recover;
mod snapshot;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    collections::VecDeque,
    fmt,
    fs::File,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::{Condvar, Mutex};
use tokio::{
    runtime::Handle,
    sync::{Notify, oneshot},
};

use crate::object::GroupKind;

use self::file::{Directory, Log};
pub(super) use self::{record::Record, recover::Recovered, snapshot::Snapshot};
use super::{StoreError, memory::Feeds};
pub use error::OpenError;

/// How long to wait for a store of the same process that is just ending.
const LOCK_TRIES: u32 = 20;
const LOCK_RETRY: Duration = Duration::from_millis(15);
/// How many versions are reserved ahead. Versions that were handed out but not journaled are never handed out again.
const RESERVE: u64 = 10_000;

/// How a store keeps its journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalOptions {
    /// Whether a write is answered only when it is on the disk, so that it survives a loss of power. Default: no.
    pub sync: bool,
    /// From which size on the log is compacted (it must also be twice as large as the last snapshot). Default 16 MiB.
    pub compact_at: u64,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            sync: false,
            compact_at: 16 << 20,
        }
    }
}

/// What is appended in one piece.
struct Entry {
    records: Vec<Record>,
    /// What watchers may see once it is.
    changes: Vec<(GroupKind, u64)>,
    /// Begin a new log here.
    rotation: Option<Snapshot>,
    answer: Option<oneshot::Sender<Result<(), String>>>,
}

struct Queue {
    entries: VecDeque<Entry>,
    /// The log, while nobody writes to it.
    log: Option<Log>,
    /// Why the last attempt to append failed.
    failure: Option<String>,
    /// Up to where versions are reserved.
    reserved: u64,
    /// Whether a snapshot is being written, which ends with the removal of older files.
    snapshot: bool,
    closed: bool,
}

struct Shared {
    runtime: Handle,
    directory: Directory,
    options: JournalOptions,
    feeds: Arc<Feeds>,
    queue: Mutex<Queue>,
    /// The writer has nothing left to do, or a snapshot is written.
    idle: Notify,
    log_length: AtomicU64,
    snapshot_length: AtomicU64,
    compacting: AtomicBool,
    /// The log that has to be synced.
    unsynced: Mutex<Option<Arc<File>>>,
    sync_now: Condvar,
    closing: AtomicBool,
}

impl Shared {
    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }
}

/// Tells when a write is acknowledged.
#[derive(Debug)]
pub(super) struct Ticket(oneshot::Receiver<Result<(), String>>);

impl Ticket {
    pub(super) async fn wait(self) -> Result<(), StoreError> {
        match self.0.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(message)) => Err(unavailable(message)),
            Err(_) => Err(unavailable("the journal was closed".to_owned())),
        }
    }
}

fn unavailable(message: String) -> StoreError {
    StoreError::Unavailable {
        message,
        source: None,
    }
}

/// A directory that was locked and read, before anything is appended.
pub(super) struct Opened {
    directory: Directory,
    log: Log,
    runtime: Handle,
    options: JournalOptions,
}

/// Locks a directory and reads what it holds.
pub(super) async fn open(
    path: &Path,
    options: JournalOptions,
) -> Result<(Recovered, Opened), OpenError> {
    let runtime = Handle::current();
    let directory = lock(path).await?;
    let read = runtime.spawn_blocking(move || {
        let (recovered, log) = recover::recover(&directory)?;
        Ok::<_, OpenError>((recovered, log, directory))
    });
    let read = read.await.map_err(std::io::Error::other);
    let (recovered, log, directory) = read.map_err(OpenError::io(path))??;
    let opened = Opened {
        directory,
        log,
        runtime,
        options,
    };
    Ok((recovered, opened))
}

async fn lock(path: &Path) -> Result<Directory, OpenError> {
    for _ in 1..LOCK_TRIES {
        match Directory::lock(path) {
            Err(OpenError::InUse { .. }) => tokio::time::sleep(LOCK_RETRY).await,
            locked => return locked,
        }
    }
    Directory::lock(path)
}

impl Opened {
    /// Begins to take writes; `feeds` are told what watchers may see.
    pub(super) fn start(self, feeds: Arc<Feeds>) -> Journal {
        let log_length = AtomicU64::new(self.log.length);
        let queue = Queue {
            entries: VecDeque::new(),
            log: Some(self.log),
            failure: None,
            reserved: 0,
            snapshot: false,
            closed: false,
        };
        Journal {
            shared: Arc::new(Shared {
                runtime: self.runtime,
                directory: self.directory,
                options: self.options,
                feeds,
                queue: Mutex::new(queue),
                idle: Notify::new(),
                log_length,
                snapshot_length: AtomicU64::new(0),
                compacting: AtomicBool::new(false),
                unsynced: Mutex::new(None),
                sync_now: Condvar::new(),
                closing: AtomicBool::new(false),
            }),
        }
    }
}

/// The journal of a store. Calls of [`Journal::append`] are made in the order of versions.
pub(super) struct Journal {
    shared: Arc<Shared>,
}

impl Journal {
    /// Whether writes can be taken; a journal that failed is tried again.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let mut queue = self.shared.queue.lock();
        if queue.closed {
            return Err(unavailable("the store is closed".to_owned()));
        }
        let Some(failure) = queue.failure.clone() else {
            return Ok(());
        };
        self.wake(&mut queue);
        Err(unavailable(failure))
    }

    /// Queues what one write did, up to `version`.
    pub(super) fn append(
        &self,
        version: u64,
        mut records: Vec<Record>,
        changes: Vec<(GroupKind, u64)>,
    ) -> Option<Ticket> {
        let mut queue = self.shared.queue.lock();
        if version + RESERVE / 2 > queue.reserved {
            queue.reserved = version + RESERVE;
            records.insert(0, Record::Reserved(queue.reserved));
        }
        if records.is_empty() {
            return None;
        }
        let (answer, ticket) = oneshot::channel();
        queue.entries.push_back(Entry {
            records,
            changes,
            rotation: None,
            answer: Some(answer),
        });
        self.wake(&mut queue);
        Some(Ticket(ticket))
    }

    /// Whether it is time for [`Journal::compact`].
    pub(super) fn wants_snapshot(&self) -> bool {
        let shared = &self.shared;
        let length = shared.log_length.load(Ordering::Acquire);
        let snapshot = shared.snapshot_length.load(Ordering::Acquire);
        length > shared.options.compact_at.max(2 * snapshot)
            && !shared.compacting.swap(true, Ordering::AcqRel)
    }

    /// Queues a snapshot of what was appended so far.
    pub(super) fn compact(&self, snapshot: Snapshot) {
        let mut queue = self.shared.queue.lock();
        // A new log knows nothing of the reservation in the old one.
        let records = vec![Record::Reserved(queue.reserved)];
        queue.entries.push_back(Entry {
            records,
            changes: Vec::new(),
            rotation: Some(snapshot),
            answer: None,
        });
        self.wake(&mut queue);
    }

    /// Takes no more writes, and answers when those taken are on the disk.
    pub(super) async fn close(&self) {
        let shared = &self.shared;
        loop {
            let idle = shared.idle.notified();
            {
                let mut queue = shared.queue.lock();
                queue.closed = true;
                if queue.log.is_some() && !queue.snapshot {
                    break;
                }
            }
            idle.await;
        }
        shared.closing.store(true, Ordering::Release);
        shared.sync_now.notify_all();
        let task = Arc::clone(shared);
        let sync = shared.runtime.spawn_blocking(move || {
            let queue = task.queue.lock();
            let synced = queue.log.as_ref().map(|log| log.file.sync_all());
            synced.map(|synced| synced.and(task.directory.unlock()))
        });
        if let Ok(Some(Err(problem))) = sync.await {
            tracing::error!(error = %problem, "the journal cannot be synced to disk");
        }
    }

    fn wake(&self, queue: &mut Queue) {
        if let Some(log) = queue.log.take() {
            let shared = Arc::clone(&self.shared);
            let append = move || writer::append_queued(&shared, log);
            self.shared.runtime.spawn_blocking(append);
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("directory", &self.shared.directory)
            .finish_non_exhaustive()
    }
}
