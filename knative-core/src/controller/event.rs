//! Events: what happened to an object, for people.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::{
    api::core::v1::{Event, EventSource, ObjectReference},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};
use kube_core::Resource;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    Clock, Ids,
    object::{Object, ObjectExt, ObjectKey},
    store::{Store, StoreError, WriteOptions},
};

/// How many events may wait to be written; more are dropped, and that is logged.
const WAITING: usize = 4096;
/// How many different events are counted up instead of written anew.
const REMEMBERED: usize = 4096;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Happened {
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
    uid: String,
    r#type: &'static str,
    reason: String,
    message: String,
}

/// Tells events of objects. Telling never waits; they are written in the background.
#[derive(Clone, Debug)]
pub struct EventRecorder {
    component: &'static str,
    sender: mpsc::Sender<(&'static str, Happened)>,
}

impl EventRecorder {
    /// The same events, told by another part.
    #[must_use]
    pub fn named(&self, component: &'static str) -> Self {
        Self {
            component,
            sender: self.sender.clone(),
        }
    }

    /// Something as it should be.
    pub fn normal<K: Resource<DynamicType = ()>>(
        &self,
        object: &K,
        reason: &str,
        message: impl Into<String>,
    ) {
        self.tell("Normal", object, reason, message.into());
    }

    /// Something that somebody should look at.
    pub fn warning<K: Resource<DynamicType = ()>>(
        &self,
        object: &K,
        reason: &str,
        message: impl Into<String>,
    ) {
        self.tell("Warning", object, reason, message.into());
    }

    fn tell<K: Resource<DynamicType = ()>>(
        &self,
        r#type: &'static str,
        object: &K,
        reason: &str,
        message: String,
    ) {
        let happened = Happened {
            api_version: K::api_version(&()).into_owned(),
            kind: K::kind(&()).into_owned(),
            namespace: object.namespace().to_owned(),
            name: object.name().to_owned(),
            uid: object.uid().to_owned(),
            r#type,
            reason: reason.to_owned(),
            message,
        };
        if let Err(error) = self.sender.try_send((self.component, happened)) {
            warn!(%error, "an event was dropped");
        }
    }
}

/// Writes what recorders tell.
#[derive(Debug)]
pub struct EventWriter {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: Arc<Ids>,
    receiver: mpsc::Receiver<(&'static str, Happened)>,
    written: BTreeMap<Happened, ObjectKey>,
}

impl EventWriter {
    /// A writer and its first recorder, which tells in the name of `component`.
    pub fn new(
        component: &'static str,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ids: Arc<Ids>,
    ) -> (Self, EventRecorder) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let writer = Self {
            store,
            clock,
            ids,
            receiver,
            written: BTreeMap::new(),
        };
        (writer, EventRecorder { component, sender })
    }

    /// Writes until `shutdown`, then what is still waiting.
    pub async fn run(mut self, shutdown: CancellationToken) {
        loop {
            let next = tokio::select! {
                biased;
                next = self.receiver.recv() => next,
                () = shutdown.cancelled() => self.receiver.try_recv().ok(),
            };
            let Some((component, happened)) = next else {
                return;
            };
            if let Err(error) = self.write(component, happened).await {
                debug!(%error, "an event was not written");
            }
        }
    }

    async fn write(
        &mut self,
        component: &'static str,
        happened: Happened,
    ) -> Result<(), StoreError> {
        if let Some(key) = self.written.get(&happened)
            && self.count_up(&key.clone()).await?
        {
            return Ok(());
        }
        let event = self.event(component, &happened);
        let written = self
            .store
            .create(to_object(&event)?, &WriteOptions::default())
            .await?;
        if self.written.len() >= REMEMBERED {
            self.written.clear();
        }
        if let Some(key) = ObjectKey::of_object(&written.object) {
            self.written.insert(happened, key);
        }
        Ok(())
    }

    /// Counts a written event up; `false` if it is gone.
    async fn count_up(&self, key: &ObjectKey) -> Result<bool, StoreError> {
        let stored = match self.store.get(key).await {
            Ok(stored) => stored,
            Err(error) if error.is_not_found() => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut event = Object::clone(&stored);
        let count = event.data["count"].as_i64().unwrap_or(1);
        event.data["count"] = (count + 1).into();
        event.data["lastTimestamp"] = seconds(self.clock.now()).into();
        self.store.update(event, &WriteOptions::default()).await?;
        Ok(true)
    }

    fn event(&self, component: &'static str, happened: &Happened) -> Event {
        let namespace = if happened.namespace.is_empty() {
            "default"
        } else {
            &happened.namespace
        };
        let now = self.clock.now();
        Event {
            metadata: ObjectMeta {
                name: Some(format!("{}.{:016x}", happened.name, self.ids.next())),
                namespace: Some(namespace.to_owned()),
                ..ObjectMeta::default()
            },
            involved_object: ObjectReference {
                api_version: Some(happened.api_version.clone()),
                kind: Some(happened.kind.clone()),
                namespace: Some(happened.namespace.clone()),
                name: Some(happened.name.clone()),
                uid: Some(happened.uid.clone()),
                ..ObjectReference::default()
            },
            type_: Some(happened.r#type.to_owned()),
            reason: Some(happened.reason.clone()),
            message: Some(happened.message.clone()),
            source: Some(EventSource {
                component: Some(component.to_owned()),
                ..EventSource::default()
            }),
            reporting_component: Some(component.to_owned()),
            count: Some(1),
            first_timestamp: Some(Time(now)),
            last_timestamp: Some(Time(now)),
            ..Event::default()
        }
    }
}

fn seconds(now: jiff::Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn to_object(event: &Event) -> Result<Object, StoreError> {
    let encoded = serde_json::to_value(event).and_then(serde_json::from_value);
    encoded.map_err(|error| StoreError::bad_request(error.to_string()))
}
