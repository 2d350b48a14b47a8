use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::stream;
use k8s_openapi::api::core::v1::ConfigMap;

use super::*;
use crate::{
    object::ObjectKey,
    store::{
        DeleteOptions, Deleted, ListOptions, ObjectList, WatchStream, WriteOptions, Written, codec,
    },
};

/// How many watches are of no use.
const SHORT: usize = 8;

/// How a watch ends before it told anything.
type End = fn() -> Result<WatchStream, StoreError>;

/// A store whose first watches end at once; the next one tells of one map and goes on.
#[derive(Debug)]
struct Flaky {
    end: End,
    watches: AtomicUsize,
}

fn unavailable() -> StoreError {
    StoreError::Unavailable {
        message: "only watches are of interest".to_owned(),
        source: None,
    }
}

#[async_trait]
impl Store for Flaky {
    async fn get(&self, _: &ObjectKey) -> Result<Arc<Object>, StoreError> {
        Err(unavailable())
    }

    async fn list(&self, _: &GroupKind, _: &ListOptions) -> Result<ObjectList, StoreError> {
        Err(unavailable())
    }

    async fn create(&self, _: Object, _: &WriteOptions) -> Result<Written, StoreError> {
        Err(unavailable())
    }

    async fn update(&self, _: Object, _: &WriteOptions) -> Result<Written, StoreError> {
        Err(unavailable())
    }

    async fn update_status(&self, _: Object, _: &WriteOptions) -> Result<Written, StoreError> {
        Err(unavailable())
    }

    async fn delete(&self, _: &ObjectKey, _: &DeleteOptions) -> Result<Deleted, StoreError> {
        Err(unavailable())
    }

    async fn watch(&self, _: &GroupKind, _: &WatchOptions) -> Result<WatchStream, StoreError> {
        if self.watches.fetch_add(1, Ordering::Relaxed) < SHORT {
            return (self.end)();
        }
        let map = serde_json::json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "namespace": "default", "name": "a" },
        });
        let map = codec::object_from_value(map).expect("it is a map");
        let events = [
            Ok(WatchEvent::Added(Arc::new(map))),
            Ok(WatchEvent::Bookmark {
                resource_version: "1".to_owned(),
                initial_events_end: true,
            }),
        ];
        Ok(stream::iter(events).chain(stream::pending()).boxed())
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_at_once_is_begun_again_ever_later_and_resumes() {
    let rows: [(&str, End); 4] = [
        ("it ends", || Ok(stream::empty().boxed())),
        ("it is expired", || {
            let message = "too old".to_owned();
            let expired = stream::iter([Err(StoreError::Expired { message })]);
            Ok(expired.boxed())
        }),
        (
            "it fails",
            || Ok(stream::iter([Err(unavailable())]).boxed()),
        ),
        ("it is refused", || Err(unavailable())),
    ];
    for (name, end) in rows {
        let store = Arc::new(Flaky {
            end,
            watches: AtomicUsize::new(0),
        });
        let cache = Cache::<ConfigMap>::new(store);
        let (began, shutdown) = (Instant::now(), CancellationToken::new());
        let mut running = tokio::task::JoinSet::new();
        running.spawn(cache.clone().run(shutdown.clone()));
        cache.wait_synced().await;
        assert!(cache.get("default", "a").is_some(), "{name}");
        // 50 ms, doubled seven times.
        assert_eq!(began.elapsed().as_millis(), 50 * 255, "{name}");
        shutdown.cancel();
        running.join_all().await;
    }
}
