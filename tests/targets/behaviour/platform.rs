//! A platform in memory with the images of the recordings.

use std::{convert::Infallible, sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use knative_core::{
    Clock, Ids, Kinds, PlatformBuilder, TokioClock,
    admission::Admitted,
    http::{Body, Request, Response, boxed},
    runtime::{
        Replicas,
        fake::{FakeImage, FakeRuntime},
    },
    store::{Api, MemoryStore, Store},
};
use knative_serving::Serving;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

const SYSTEM: &str = "knative-serving";

pub(crate) struct Platform {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) serving: Serving,
    shutdown: CancellationToken,
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Platform {
    pub(crate) async fn start() -> Self {
        let epoch: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::starting_at(epoch));
        let ids = Arc::new(Ids::seeded(1));
        let serving = Serving::builder().build(Arc::clone(&ids));
        let mut kinds = Kinds::new();
        knative_core::kinds::core::register(&mut kinds);
        serving.register(&mut kinds);
        let kinds = Arc::new(kinds);
        let objects = MemoryStore::new(Arc::clone(&kinds), Arc::clone(&clock), Arc::clone(&ids));
        let store: Arc<dyn Store> = Arc::new(Admitted::new(objects, Arc::clone(&kinds)));
        let machine = machine();
        let replicas = Replicas::builder(Arc::new(machine.clone())).store(Arc::clone(&store));
        let replicas = Arc::new(replicas.build(Arc::clone(&clock), Arc::clone(&ids)));
        let builder = PlatformBuilder::new()
            .clock(clock)
            .ids(ids)
            .component(replicas.clone());
        let platform = serving
            .install(builder, replicas, Arc::new(machine))
            .build(kinds, Arc::clone(&store))
            .expect("the seed is given");
        let shutdown = CancellationToken::new();
        let token = shutdown.clone();
        #[expect(
            clippy::disallowed_methods,
            reason = "the runtime of the trial ends it"
        )]
        drop(tokio::spawn(platform.run(token)));
        serving.handed_over().await;
        Self {
            store,
            serving,
            shutdown,
        }
    }

    /// Writes maps as the scenario has them, and makes its namespace.
    pub(crate) async fn configure(&self, config: &Value, namespace: &str) {
        let maps = Api::<ConfigMap>::new(Arc::clone(&self.store));
        for (name, data) in config.as_object().into_iter().flatten() {
            let mut map = maps.get(SYSTEM, name).await.expect("seeded");
            let told = data.as_object().into_iter().flatten();
            let told =
                told.filter_map(|(key, text)| Some((key.clone(), text.as_str()?.to_owned())));
            let kept = map.data.take().filter(|_| name != "config-domain");
            map.data = Some(kept.into_iter().flatten().chain(told).collect());
            maps.update(&map).await.expect("a valid map");
        }
        let namespaces = Api::<Namespace>::new(Arc::clone(&self.store));
        let mut object = Namespace::default();
        object.metadata.name = Some(namespace.to_owned());
        namespaces.create(&object).await.expect("a new namespace");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Both images start in 300 ms; `?sleep=ms` delays an answer.
fn machine() -> FakeRuntime {
    let answer = |request: Request| async move {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let delay = query
            .strip_prefix("sleep=")
            .and_then(|text| text.parse().ok());
        if let Some(delay) = delay {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        Ok::<_, Infallible>(Response::new(Body::from("Hello\n")))
    };
    let image = FakeImage::serving(boxed(tower::service_fn(answer)))
        .start_delay(Duration::from_millis(300));
    FakeRuntime::new()
        .with_image("dev.local/hello", image.clone())
        .with_image("dev.local/multi", image)
}
