//! A platform on the fake runtime, in paused time.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use jiff::Timestamp;
use knative_core::admission::Admitted;
use knative_core::http::Body;
use knative_core::object::ObjectKey;
use knative_core::platform::PlatformError;
use knative_core::runtime::Replicas;
use knative_core::runtime::fake::FakeRuntime;
use knative_core::store::{
    Api, MemoryStore, Patch, Store, StoreExt as _, UserInfo, WriteOptions, codec,
};
use knative_core::{Clock, Ids, Kinds, PlatformBuilder, TokioClock};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::Serving;
use crate::api::Service;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(900);

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
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let service = self.service(name).await;
            if service.is_ready() {
                return service;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "not ready: {}",
                serde_json::to_string_pretty(&service).unwrap()
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(super) async fn wait(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !holds() {
            assert!(tokio::time::Instant::now() < deadline, "{what}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(super) async fn call(&self, host: &str) -> (u16, String) {
        let request = http::Request::builder()
            .uri("/")
            .header("host", host)
            .body(Body::empty())
            .unwrap();
        let gateway = self.serving.gateway().clone();
        let response = gateway.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.unwrap().unwrap();
    }
}
