//! Watches: what exists, then what history says, as it grows.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::{StreamExt as _, stream};
use tokio::{sync::watch, time::Instant};

use crate::{
    object::{GroupKind, Object},
    store::{StoreError, WatchEvent, WatchOptions, WatchStart, WatchStream},
};

use super::{
    Inner,
    filter::Filter,
    list::{parse_version, too_old},
    state::State,
    table::Change,
};

/// How many changes are taken from history at once.
const BATCH: usize = 256;
/// How often a watch that asks for them gets a bookmark; the API server's interval.
const BOOKMARK_INTERVAL: Duration = Duration::from_secs(60);

/// Opens a watch.
pub(super) fn watch(
    inner: &Arc<Inner>,
    kind: &GroupKind,
    options: &WatchOptions,
) -> Result<WatchStream, StoreError> {
    let settled = inner
        .feeds
        .subscribe(kind)
        .ok_or_else(|| StoreError::UnknownKind { kind: kind.clone() })?;
    let state = inner.state.read();
    let filter = Filter::new(
        &state.table(kind)?.kind,
        options.namespace.as_ref(),
        &options.labels,
        &options.fields,
    )?;
    let mut events = VecDeque::new();
    let cursor = match &options.start {
        WatchStart::Existing => begin(&state, kind, &filter, options.bookmarks, &mut events)?,
        WatchStart::After(version) => resume(&state, kind, version)?,
    };
    drop(state);
    let watcher = Watcher {
        inner: Arc::clone(inner),
        kind: kind.clone(),
        filter,
        bookmarks: options.bookmarks,
        cursor,
        events,
        settled,
        next_bookmark: Instant::now() + BOOKMARK_INTERVAL,
        ended: false,
    };
    Ok(stream::unfold(watcher, Watcher::next).boxed())
}

fn begin(
    state: &State,
    kind: &GroupKind,
    filter: &Filter,
    bookmarks: bool,
    events: &mut VecDeque<WatchEvent>,
) -> Result<u64, StoreError> {
    let objects = state.table(kind)?.within(filter.namespace.as_deref());
    let objects = objects.map(|(_, object)| object);
    let matching = objects.filter(|object| filter.matches(object));
    events.extend(matching.cloned().map(WatchEvent::Added));
    if bookmarks {
        events.push_back(WatchEvent::Bookmark {
            resource_version: state.version.to_string(),
            initial_events_end: true,
        });
    }
    Ok(state.version)
}

/// A version of the future was handed out by another store, so its holder has to list again as well.
fn resume(state: &State, kind: &GroupKind, version: &str) -> Result<u64, StoreError> {
    let version = parse_version(version)?;
    let floor = state.table(kind)?.floor();
    if version < floor || version > state.version {
        let message = too_old(version, floor.max(1));
        return Err(StoreError::Expired { message });
    }
    Ok(version)
}

struct Watcher {
    inner: Arc<Inner>,
    kind: GroupKind,
    filter: Filter,
    bookmarks: bool,
    /// All changes up to this version are in `events` or were sent.
    cursor: u64,
    events: VecDeque<WatchEvent>,
    settled: watch::Receiver<u64>,
    next_bookmark: Instant,
    ended: bool,
}

impl Watcher {
    async fn next(mut self) -> Option<(Result<WatchEvent, StoreError>, Self)> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some((Ok(event), self));
            }
            if self.ended {
                return None;
            }
            match self.read_history() {
                Err(error) => {
                    self.ended = true;
                    return Some((Err(error), self));
                }
                Ok(true) => {}
                Ok(false) => self.wait().await,
            }
        }
    }

    /// Takes the next changes from history; tells whether there were any.
    fn read_history(&mut self) -> Result<bool, StoreError> {
        let settled = *self.settled.borrow_and_update();
        let state = self.inner.state.read();
        let table = state.table(&self.kind)?;
        if self.cursor < table.floor() {
            let message = too_old(self.cursor, table.floor());
            return Err(StoreError::Expired { message });
        }
        let cursor = self.cursor;
        let changes = table.changes_after(cursor);
        let changes = changes.take_while(|change| change.version <= settled);
        for change in changes.take(BATCH) {
            self.cursor = change.version;
            self.events.extend(event_of(&self.filter, change));
        }
        let any = self.cursor > cursor;
        if !any {
            self.cursor = cursor.max(settled);
        }
        Ok(any)
    }

    async fn wait(&mut self) {
        let bookmark = async {
            if self.bookmarks {
                tokio::time::sleep_until(self.next_bookmark).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            changed = self.settled.changed() => self.ended = changed.is_err(),
            () = bookmark => {
                self.next_bookmark = Instant::now() + BOOKMARK_INTERVAL;
                self.events.push_back(WatchEvent::Bookmark {
                    resource_version: self.cursor.to_string(),
                    initial_events_end: false,
                });
            }
        }
    }
}

/// What a change looks like through a filter.
fn event_of(filter: &Filter, change: &Change) -> Option<WatchEvent> {
    let before = change
        .previous
        .as_ref()
        .filter(|object| filter.matches(object));
    let after = (!change.removed && filter.matches(&change.object)).then_some(&change.object);
    match (before, after) {
        (None, None) => None,
        (None, Some(object)) => Some(WatchEvent::Added(Arc::clone(object))),
        (Some(_), Some(object)) => Some(WatchEvent::Modified(Arc::clone(object))),
        (Some(_), None) if change.removed => Some(WatchEvent::Deleted(Arc::clone(&change.object))),
        (Some(before), None) => Some(WatchEvent::Deleted(left(before, change.version))),
    }
}

/// The last state that matched, with the version of the change that ended it.
fn left(before: &Object, version: u64) -> Arc<Object> {
    let mut object = before.clone();
    object.metadata.resource_version = Some(version.to_string());
    Arc::new(object)
}
