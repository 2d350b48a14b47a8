//! Watches: what exists, then what history says, as it grows.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::{StreamExt as _, stream};
use tokio::{sync::watch, task::consume_budget, time::Instant};

use crate::{
    object::{GroupKind, Object},
    store::{StoreError, WatchEvent, WatchOptions, WatchStart, WatchStream, packed::Packed},
};

use super::{
    Inner,
    filter::Filter,
    list::{parse_version, too_old},
    readers::Cursor,
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
    let mut due = VecDeque::new();
    let cursor = match &options.start {
        WatchStart::Existing => begin(&state, kind, &filter, options.bookmarks, &mut due)?,
        WatchStart::After(version) => resume(&state, kind, version)?,
    };
    let cursor = state.table(kind)?.readers.begin(cursor);
    drop(state);
    let watcher = Watcher {
        inner: Arc::clone(inner),
        kind: kind.clone(),
        filter,
        bookmarks: options.bookmarks,
        cursor,
        due,
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
    due: &mut VecDeque<Due>,
) -> Result<u64, StoreError> {
    let objects = state.table(kind)?.within(filter.namespace.as_deref());
    let named = objects.filter(|(name, _)| filter.allows(name));
    due.extend(named.map(|(_, packed)| Due::Existing(packed.clone())));
    if bookmarks {
        due.push_back(Due::Bookmark {
            version: state.version,
            initial: true,
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

/// What is to be sent, if it matches. Objects are unpacked when their turn comes.
enum Due {
    Existing(Packed),
    Change(Change),
    Bookmark { version: u64, initial: bool },
}

struct Watcher {
    inner: Arc<Inner>,
    kind: GroupKind,
    filter: Filter,
    bookmarks: bool,
    /// All changes up to this version are in `due` or were sent.
    cursor: Cursor,
    due: VecDeque<Due>,
    settled: watch::Receiver<u64>,
    next_bookmark: Instant,
    ended: bool,
}

impl Watcher {
    async fn next(mut self) -> Option<(Result<WatchEvent, StoreError>, Self)> {
        loop {
            if let Some(due) = self.due.pop_front() {
                consume_budget().await;
                match self.event_of(due) {
                    Some(event) => return Some((Ok(event), self)),
                    None => continue,
                }
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
        let cursor = self.cursor.get();
        if cursor < table.floor() {
            let message = too_old(cursor, table.floor());
            return Err(StoreError::Expired { message });
        }
        let changes = table.changes_after(cursor);
        let changes = changes.take_while(|change| change.version <= settled);
        for change in changes.take(BATCH) {
            self.cursor.set(change.version);
            if self.filter.allows(&change.name) {
                self.due.push_back(Due::Change(change.clone()));
            }
        }
        let any = self.cursor.get() > cursor;
        if !any {
            self.cursor.set(cursor.max(settled));
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
                self.due.push_back(Due::Bookmark {
                    version: self.cursor.get(),
                    initial: false,
                });
            }
        }
    }

    fn event_of(&self, due: Due) -> Option<WatchEvent> {
        match due {
            Due::Existing(packed) => {
                let object = self.inner.warm.look(&packed);
                let matches = self.filter.matches(&object);
                matches.then_some(WatchEvent::Added(object))
            }
            Due::Change(change) => self.event_of_change(&change),
            Due::Bookmark { version, initial } => Some(WatchEvent::Bookmark {
                resource_version: version.to_string(),
                initial_events_end: initial,
            }),
        }
    }

    /// What a change looks like through the filter.
    fn event_of_change(&self, change: &Change) -> Option<WatchEvent> {
        let matched =
            |packed: &Packed| self.filter.is_everything() || self.matching(packed).is_some();
        let before = change.previous.as_ref().filter(|packed| matched(packed));
        let now = self.matching(&change.object);
        match (before, now) {
            (None, Some(object)) if !change.removed => Some(WatchEvent::Added(object)),
            (Some(_), Some(object)) if !change.removed => Some(WatchEvent::Modified(object)),
            (Some(_), _) if change.removed => {
                Some(WatchEvent::Deleted(self.inner.warm.unpack(&change.object)))
            }
            (Some(before), None) => Some(WatchEvent::Deleted(left(before, change.version))),
            _ => None,
        }
    }

    fn matching(&self, packed: &Packed) -> Option<Arc<Object>> {
        let object = self.inner.warm.unpack(packed);
        self.filter.matches(&object).then_some(object)
    }
}

/// The last state that matched, with the version of the change that ended it.
fn left(before: &Packed, version: u64) -> Arc<Object> {
    let mut object = before.unpack();
    object.metadata.resource_version = Some(version.to_string());
    Arc::new(object)
}
