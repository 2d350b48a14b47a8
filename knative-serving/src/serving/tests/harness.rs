//! A platform on the fake runtime, in paused time.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod};
use knative_core::Conditioned as _;
use knative_core::admission::Admitted;
use knative_core::http::Body;
use knative_core::object::{GroupKind, ObjectExt as _, ObjectKey};
use knative_core::platform::PlatformError;
use knative_core::runtime::Replicas;
use knative_core::runtime::fake::FakeRuntime;
use knative_core::store::{
    Api, ApiObject, DeleteOptions, ListOptions, MemoryStore, Patch, Store, StoreExt as _, UserInfo,
    WatchOptions, WriteOptions, codec,
};
use knative_core::{Clock, Ids, Kinds, PlatformBuilder, TokioClock};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::Serving;
use crate::api::autoscaling::PodAutoscaler;
use crate::api::networking::Ingress;
use crate::api::{Revision, Service};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// Every write, in the order in which watches of its kind told of it.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    lines: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    pub(super) fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock())
    }
}

pub(super) struct Harness {
    pub(super) store: Arc<dyn Store>,
    pub(super) serving: Serving,
    pub(super) machine: FakeRuntime,
    shutdown: CancellationToken,
    running: JoinHandle<Result<(), PlatformError>>,
}

impl Harness {
    pub(super) async fn start(machine: FakeRuntime, seed: u64) -> Self {
        let epoch: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::starting_at(epoch));
        let ids = Arc::new(Ids::seeded(seed));
        let serving = Serving::builder().build(Arc::clone(&ids));
        let mut kinds = Kinds::new();
        knative_core::kinds::core::register(&mut kinds);
        serving.register(&mut kinds);
        let kinds = Arc::new(kinds);
        let objects = MemoryStore::new(Arc::clone(&kinds), Arc::clone(&clock), Arc::clone(&ids));
        let store: Arc<dyn Store> = Arc::new(Admitted::new(objects, Arc::clone(&kinds)));
        let replicas = Replicas::builder(Arc::new(machine.clone())).store(Arc::clone(&store));
        let replicas = Arc::new(replicas.build(Arc::clone(&clock), Arc::clone(&ids)));
        let builder = PlatformBuilder::new()
            .clock(clock)
            .ids(ids)
            .component(replicas.clone());
        let builder = serving.install(builder, replicas, Arc::new(machine.clone()));
        let platform = builder.build(kinds, Arc::clone(&store)).unwrap();
        let shutdown = CancellationToken::new();
        let token = shutdown.clone();
        #[expect(clippy::disallowed_methods, reason = "the test waits for it")]
        let running = tokio::spawn(async move { platform.run(token).await });
        let harness = Self {
            store,
            serving,
            machine,
            shutdown,
            running,
        };
        harness.serving.handed_over().await;
        harness
    }

    fn admin() -> WriteOptions {
        WriteOptions::by(UserInfo::new("admin"))
    }

    pub(super) async fn create(&self, object: Value) {
        let object = codec::object_from_value(object).unwrap();
        self.store.create(object, &Self::admin()).await.unwrap();
    }

    pub(super) async fn patch(&self, name: &str, patch: Value) {
        let key = ObjectKey::of::<Service>("default", name);
        let patch = Patch::Merge(patch);
        self.store
            .patch(&key, &patch, &Self::admin())
            .await
            .unwrap();
    }

    pub(super) async fn service(&self, name: &str) -> Service {
        let api = Api::<Service>::new(Arc::clone(&self.store));
        api.get("default", name).await.unwrap()
    }

    pub(super) async fn ready(&self, name: &str) -> Service {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let service = self.service(name).await;
            if service.is_ready() {
                return service;
            }
            assert!(
                Instant::now() < deadline,
                "not ready: {}",
                serde_json::to_string_pretty(&service).unwrap()
            );
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until nothing runs.
    pub(super) async fn rests(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.machine.running().is_empty() {
            assert!(Instant::now() < deadline, "{:?}", self.machine.running());
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until a condition is False, and answers with the reason.
    pub(super) async fn reason(&self, name: &str, condition: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let service = self.service(name).await;
            let status = service.status.unwrap_or_default();
            let found = status.condition(condition);
            if let Some(found) = found.filter(|found| found.is_false()) {
                return found.reason.clone();
            }
            assert!(Instant::now() < deadline, "{status:?}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    pub(super) async fn revision(&self, name: &str) -> Revision {
        let api = Api::<Revision>::new(Arc::clone(&self.store));
        api.get("default", name).await.unwrap()
    }

    /// The names of the pods, once there are so many.
    pub(super) async fn pods(&self, count: usize) -> Vec<String> {
        let api = Api::<Pod>::new(Arc::clone(&self.store));
        let deadline = Instant::now() + PATIENCE;
        loop {
            let list = api.list(&ListOptions::within("default")).await.unwrap();
            if list.items.len() == count {
                return list.items.iter().map(|pod| pod.name().to_owned()).collect();
            }
            assert!(Instant::now() < deadline, "{} pods", list.items.len());
            sleep(Duration::from_millis(10)).await;
        }
    }

    pub(super) async fn delete<K: ApiObject>(&self, name: &str) {
        let key = ObjectKey::of::<K>("default", name);
        let mut options = DeleteOptions::default();
        options.user = UserInfo::new("admin");
        self.store.delete(&key, &options).await.unwrap();
    }

    pub(super) async fn has<K: ApiObject>(&self, name: &str) -> bool {
        let key = ObjectKey::of::<K>("default", name);
        self.store.find(&key).await.unwrap().is_some()
    }

    /// How often all containers together were started again.
    pub(super) async fn restarts(&self) -> usize {
        let api = Api::<Pod>::new(Arc::clone(&self.store));
        let list = api.list(&ListOptions::within("default")).await.unwrap();
        let statuses = list.items.iter().filter_map(|pod| pod.status.as_ref());
        let containers = statuses.flat_map(|status| status.container_statuses.iter().flatten());
        containers
            .map(|container| usize::try_from(container.restart_count).unwrap())
            .sum()
    }

    /// How often an event was told.
    pub(super) async fn told(&self, reason: &str) -> usize {
        let api = Api::<Event>::new(Arc::clone(&self.store));
        let list = api.list(&ListOptions::within("default")).await.unwrap();
        let events = list.items.iter();
        let events = events.filter(|event| event.reason.as_deref() == Some(reason));
        events
            .map(|event| usize::try_from(event.count.unwrap_or(1)).unwrap())
            .sum()
    }

    /// Notes every write from now on.
    pub(super) async fn record(&self) -> Recorder {
        let recorder = Recorder::default();
        let kinds = ["Service", "Configuration", "Revision", "Route"];
        let kinds = kinds.map(|kind| GroupKind::new("serving.knative.dev", kind));
        let internal = [
            GroupKind::of::<PodAutoscaler>(),
            GroupKind::of::<Ingress>(),
            GroupKind::of::<Pod>(),
            GroupKind::new("", "Event"),
        ];
        for kind in kinds.into_iter().chain(internal) {
            let options = WatchOptions::default();
            let mut changes = self.store.watch(&kind, &options).await.unwrap();
            let lines = Arc::clone(&recorder.lines);
            #[expect(clippy::disallowed_methods, reason = "the test's runtime ends it")]
            drop(tokio::spawn(async move {
                while let Some(Ok(change)) = changes.next().await {
                    lines.lock().push(format!("{change:?}"));
                }
            }));
        }
        recorder
    }

    pub(super) async fn call(&self, host: &str) -> (u16, &'static str) {
        let request = http::Request::builder()
            .uri("/")
            .header("host", host)
            .body(Body::empty())
            .unwrap();
        let gateway = self.serving.gateway().clone();
        let response = gateway.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let known = "Hello World!\n";
        (status, if body == known { known } else { "" })
    }

    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.unwrap().unwrap();
    }
}
