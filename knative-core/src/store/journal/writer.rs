//! The work on the blocking pool: appending what is queued, syncing what was appended, writing snapshots.
//!
//! Each is a task that ends when it has nothing left to do, so that an idle store holds no thread.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tracing::{error, warn};

use super::{Entry, Shared, file::Log, snapshot::Snapshot};

/// How long appended records may wait for fsync.
const SYNC_WITHIN: Duration = Duration::from_millis(10);

/// Appends until the queue is empty, then puts the log back.
pub(super) fn append_queued(shared: &Arc<Shared>, mut log: Log) {
    loop {
        let entries = {
            let mut queue = shared.queue.lock();
            if queue.entries.is_empty() {
                queue.log = Some(log);
                shared.idle.notify_waiters();
                return;
            }
            std::mem::take(&mut queue.entries)
        };
        if let Err((problem, entries)) = append(shared, &mut log, entries) {
            return give_up(shared, log, entries, &problem);
        }
    }
}

type Rest = std::collections::VecDeque<Entry>;

/// Appends entries as far as possible; a failure answers with those that are left.
fn append(shared: &Arc<Shared>, log: &mut Log, mut entries: Rest) -> Result<(), (io::Error, Rest)> {
    while !entries.is_empty() {
        let rotation = entries.iter().position(|entry| entry.rotation.is_some());
        let batch = rotation.unwrap_or(entries.len());
        if let Err(problem) = append_batch(shared, log, &entries, batch) {
            return Err((problem, entries));
        }
        for entry in entries.drain(..batch) {
            settle(shared, entry);
        }
        if let Some(entry) = entries.front_mut()
            && let Some(snapshot) = entry.rotation.take()
            && let Err(problem) = rotate(shared, log, snapshot)
        {
            warn!(error = %problem, "the journal cannot be compacted");
            shared.compacting.store(false, Ordering::Release);
        }
    }
    shared.queue.lock().failure = None;
    Ok(())
}

fn append_batch(
    shared: &Arc<Shared>,
    log: &mut Log,
    entries: &Rest,
    batch: usize,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    for record in entries.iter().take(batch).flat_map(|entry| &entry.records) {
        record.frame(&mut bytes)?;
    }
    if bytes.is_empty() {
        return Ok(());
    }
    log.append(&bytes)?;
    shared.log_length.store(log.length, Ordering::Release);
    if shared.options.sync {
        return log.file.sync_data();
    }
    sync_soon(shared, log);
    Ok(())
}

/// Shows the changes to watchers and answers the writer.
fn settle(shared: &Shared, entry: Entry) {
    for (kind, version) in &entry.changes {
        shared.feeds.publish(kind, *version);
    }
    if let Some(answer) = entry.answer {
        // A writer that has left needs no answer.
        let _left = answer.send(Ok(()));
    }
}

/// The writers are told; their records stay queued, so that the journal has no gap once there is room again.
fn give_up(shared: &Shared, log: Log, mut entries: Rest, problem: &io::Error) {
    error!(error = %problem, "the journal cannot be written; the store takes no writes until it can");
    let message = format!("the journal cannot be written: {problem}");
    let mut queue = shared.queue.lock();
    entries.extend(queue.entries.drain(..));
    for entry in &mut entries {
        if let Some(answer) = entry.answer.take() {
            let _left = answer.send(Err(message.clone()));
        }
    }
    queue.entries = entries;
    queue.failure = Some(message);
    queue.log = Some(log);
    shared.idle.notify_waiters();
}

/// Begins a new log and has the snapshot written that it goes on from.
fn rotate(shared: &Arc<Shared>, log: &mut Log, snapshot: Snapshot) -> io::Result<()> {
    log.file.sync_data()?;
    *log = Log::create(&shared.directory, log.generation + 1)?;
    shared.log_length.store(log.length, Ordering::Release);
    let (shared, generation) = (Arc::clone(shared), log.generation);
    let runtime = shared.runtime.clone();
    shared.queue.lock().snapshot = true;
    runtime.spawn_blocking(move || {
        match snapshot.write(&shared.directory, generation) {
            Ok(size) => shared.snapshot_length.store(size, Ordering::Release),
            Err(problem) => warn!(error = %problem, "the journal cannot be compacted"),
        }
        shared.queue.lock().snapshot = false;
        shared.compacting.store(false, Ordering::Release);
        shared.idle.notify_waiters();
    });
    Ok(())
}

/// Has the log synced within [`SYNC_WITHIN`], together with what is appended until then.
fn sync_soon(shared: &Arc<Shared>, log: &Log) {
    let mut unsynced = shared.unsynced.lock();
    let idle = unsynced.is_none();
    *unsynced = Some(Arc::clone(&log.file));
    drop(unsynced);
    if idle {
        let task = Arc::clone(shared);
        shared.runtime.spawn_blocking(move || sync(&task));
    }
}

fn sync(shared: &Shared) {
    let mut unsynced = shared.unsynced.lock();
    if !shared.is_closing() {
        shared.sync_now.wait_for(&mut unsynced, SYNC_WITHIN);
    }
    let file = unsynced.take();
    drop(unsynced);
    if let Some(Err(problem)) = file.map(|file| file.sync_data()) {
        error!(error = %problem, "the journal cannot be synced to disk");
    }
}
