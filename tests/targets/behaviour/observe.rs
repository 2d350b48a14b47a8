//! Watches everything that happens in a namespace.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::StreamExt as _;
use knative_core::{
    object::{GroupKind, Object},
    store::{Store, WatchEvent, WatchOptions, WatchStream, codec},
};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use crate::{
    normalise::Uids,
    scenario::Event,
    short,
    states::{self, Paths},
};

/// How often somebody who waits looks again.
const LOOK: Duration = Duration::from_millis(50);

/// All that was seen so far.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The objects that exist, by names like `ksvc/hello`.
    pub(crate) objects: BTreeMap<String, Value>,
    /// Names for uids.
    pub(crate) uids: Uids,
    /// The ways that conditions took.
    pub(crate) paths: Paths,
    /// The events of Knative's kinds.
    pub(crate) events: BTreeSet<Event>,
    changed: Instant,
}

/// Watches.
#[derive(Clone, Debug)]
pub(crate) struct Observer {
    seen: Arc<Mutex<Seen>>,
}

impl Observer {
    /// Begins to watch a namespace.
    pub(crate) async fn start(
        store: &Arc<dyn Store>,
        namespace: &str,
        tasks: &TaskTracker,
    ) -> Self {
        let seen = Seen {
            objects: BTreeMap::new(),
            uids: Uids::default(),
            paths: Paths::default(),
            events: BTreeSet::new(),
            changed: Instant::now(),
        };
        let observer = Self {
            seen: Arc::new(Mutex::new(seen)),
        };
        let mut options = WatchOptions::default();
        options.namespace = Some(namespace.to_owned());
        let events = GroupKind::new("", "Event");
        for kind in short::compared().cloned().chain([events]) {
            if let Ok(stream) = store.watch(&kind, &options).await {
                tasks.spawn(observer.clone().follow(stream));
            }
        }
        observer
    }

    async fn follow(self, mut stream: WatchStream) {
        while let Some(Ok(event)) = stream.next().await {
            match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    self.take(&object, false);
                }
                WatchEvent::Deleted(object) => self.take(&object, true),
                _ => {}
            }
        }
    }

    fn take(&self, object: &Object, gone: bool) {
        let Ok(value) = codec::object_to_value(object) else {
            return;
        };
        let mut seen = self.seen.lock();
        if value["kind"] == "Event" {
            seen.events.extend(event(&value));
            return;
        }
        let Some(name) = short_name(&value) else {
            return;
        };
        seen.changed = Instant::now();
        seen.uids.note(&value);
        if gone {
            seen.paths.end(&name);
            seen.objects.remove(&name);
        } else {
            seen.paths.take(&name, &states::of(&name, &value));
            seen.objects.insert(name, value);
        }
    }

    /// Looks at what was seen.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Seen) -> R) -> R {
        look(&self.seen.lock())
    }

    /// Something was done: what it leads to is yet to be seen.
    pub(crate) async fn expect_changes(&self) {
        self.seen.lock().changed = Instant::now();
        sleep(LOOK).await;
    }

    /// Waits until nothing has changed for a while, or until that seems to be in vain.
    pub(crate) async fn quiet(&self, calm: Duration, limit: Duration) {
        let end = Instant::now() + limit;
        while Instant::now() < end && self.look(|seen| seen.changed.elapsed()) < calm {
            sleep(LOOK).await;
        }
    }

    /// Waits until something holds; whether it came to that.
    pub(crate) async fn wait(&self, limit: Duration, mut holds: impl AsyncFnMut() -> bool) -> bool {
        let end = Instant::now() + limit;
        loop {
            if holds().await {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            sleep(LOOK).await;
        }
    }
}

/// As `ksvc/hello`.
fn short_name(object: &Value) -> Option<String> {
    let api_version = object["apiVersion"].as_str()?;
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let kind = GroupKind::owned(group, object["kind"].as_str()?);
    let name = object["metadata"]["name"].as_str()?;
    Some(format!("{}/{name}", short::name(&kind)?))
}

fn event(value: &Value) -> Option<Event> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let about = &value["involvedObject"];
    let event = Event {
        r#type: text(&value["type"]),
        reason: text(&value["reason"]),
        object: format!("{}/{}", text(&about["kind"]), text(&about["name"])),
        api_version: text(&about["apiVersion"]),
        message: text(&value["message"]),
        from: text(&value["source"]["component"]),
    };
    event.api_version.contains("knative.dev").then_some(event)
}
