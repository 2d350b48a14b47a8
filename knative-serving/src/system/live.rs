//! Reads the ConfigMaps of the platform, at the start and whenever one changes.

use std::sync::Arc;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use knative_core::controller::EventRecorder;
use knative_core::object::{GroupKind, Object, ObjectExt as _};
use knative_core::store::{
    ListOptions, Store, StoreError, WatchEvent, WatchOptions, WatchStart, codec,
};
use tokio::time::{Duration, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::{Live, Map, NAMESPACE, map_data, unknown_key};

/// How long to wait before a watch that failed is begun again.
const RETRY: Duration = Duration::from_secs(1);

/// Brings what the maps say into force. Of each the last good value stays.
#[derive(Clone, Debug)]
pub(crate) struct ConfigReader {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) live: Arc<Live>,
    pub(crate) events: EventRecorder,
}

impl ConfigReader {
    /// Reads all maps once and answers with where changes begin.
    pub(crate) async fn read(&self) -> Result<String, StoreError> {
        let kind = GroupKind::of::<ConfigMap>();
        let options = ListOptions::within(NAMESPACE);
        let list = self.store.list(&kind, &options).await?;
        for map in &list.items {
            self.apply(map);
        }
        Ok(list.resource_version)
    }

    /// Follows changes after `version` until `shutdown`.
    pub(crate) async fn follow(self, mut version: String, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = self.watch(&version) => {}
            }
            sleep(RETRY).await;
            if let Ok(read) = self.read().await {
                version = read;
            }
        }
    }

    async fn watch(&self, version: &str) {
        let mut options = WatchOptions::default();
        options.namespace = Some(NAMESPACE.to_owned());
        options.start = WatchStart::After(version.to_owned());
        let kind = GroupKind::of::<ConfigMap>();
        let Ok(mut events) = self.store.watch(&kind, &options).await else {
            return;
        };
        while let Some(Ok(event)) = events.next().await {
            match event {
                WatchEvent::Added(map) | WatchEvent::Modified(map) => self.apply(&map),
                _ => {}
            }
        }
    }

    fn apply(&self, object: &Object) {
        let Some(map) = Map::named(object.name()) else {
            return;
        };
        match self.live.apply(map, &map_data(object)) {
            Ok(applied) => {
                if applied.changed {
                    info!(map = map.name(), "configuration changed");
                }
                for key in &applied.unknown_keys {
                    self.warn(object, "UnknownKey", unknown_key(map, key));
                }
            }
            Err(error) => {
                warn!(map = map.name(), %error, "a configuration is not valid, the last good one stays");
                let message = format!("the last valid configuration stays in force: {error}");
                self.warn(object, "InvalidConfiguration", message);
            }
        }
    }

    fn warn(&self, object: &Object, reason: &str, message: String) {
        if let Ok(map) = codec::decode::<ConfigMap>(object) {
            self.events.warning(&map, reason, message);
        }
    }
}
