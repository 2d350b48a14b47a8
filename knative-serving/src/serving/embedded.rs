//! A whole platform in memory, for a program that wants one inside.

use std::sync::Arc;

use knative_core::{
    Clock, Ids, Kinds, Platform, PlatformBuilder, SystemClock,
    admission::Admitted,
    platform::ComponentError,
    runtime::{ImageStore, InstanceRuntime, Replicas},
    store::{MemoryStore, Store},
};

use super::{Serving, ServingBuilder};

/// A platform whose objects live as long as the program.
///
/// It is put together of the parts that the page of [`Serving`] shows. Assemble them yourself to keep objects on a disk, to
/// serve the Kubernetes API, or to add parts of your own.
///
/// ```
/// use std::sync::Arc;
/// use knative_core::http::{Caller as _, Request};
/// use knative_core::runtime::fake::{FakeImage, FakeRuntime};
/// use knative_core::store::Api;
/// use knative_serving::{Embedded, Serving, api::Service};
/// use tokio_util::sync::CancellationToken;
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let machine = FakeRuntime::new().with_image("example.local/hello", FakeImage::hello());
/// let machine = Arc::new(machine);
/// let mine = Embedded::new(Serving::builder(), machine.clone(), machine).await.unwrap();
/// let shutdown = CancellationToken::new();
/// let running = tokio::spawn(mine.platform.run(shutdown.clone()));
///
/// let services = Api::<Service>::new(mine.store);
/// let hello = serde_json::json!({
///     "apiVersion": "serving.knative.dev/v1", "kind": "Service",
///     "metadata": { "name": "hello", "namespace": "default" },
///     "spec": { "template": { "spec": { "containers": [{ "image": "example.local/hello" }] } } }
/// });
/// services.create(&serde_json::from_value(hello).unwrap()).await.unwrap();
/// services.wait("default", "hello", Service::is_ready).await.unwrap();
/// let url = "http://hello.default.svc.cluster.local".parse().unwrap();
/// let answer = mine.serving.gateway().call(&url, Request::default()).await.unwrap();
/// assert_eq!(answer.status(), 200);
///
/// shutdown.cancel();
/// running.await.unwrap().unwrap();
/// # });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Embedded {
    /// To be [run](Platform::run). Its [context](Platform::context) has the metrics.
    pub platform: Platform,
    /// The objects, behind admission.
    pub store: Arc<dyn Store>,
    /// Its [gateway](Serving::gateway) calls services, from zero.
    pub serving: Serving,
}

impl Embedded {
    /// A platform on `runtime`; `images` says what references mean. Called within a tokio runtime.
    ///
    /// # Errors
    /// The system has no randomness, or the runtime cannot tell what an earlier run left.
    pub async fn new(
        serving: ServingBuilder,
        runtime: Arc<dyn InstanceRuntime>,
        images: Arc<dyn ImageStore>,
    ) -> Result<Self, ComponentError> {
        let (clock, ids): (Arc<dyn Clock>, _) =
            (Arc::new(SystemClock), Arc::new(Ids::from_entropy()?));
        let serving = serving.build(Arc::clone(&ids));
        let mut kinds = Kinds::new();
        knative_core::kinds::core::register(&mut kinds);
        serving.register(&mut kinds);
        let kinds = Arc::new(kinds);
        let objects = MemoryStore::new(Arc::clone(&kinds), Arc::clone(&clock), Arc::clone(&ids));
        let store: Arc<dyn Store> = Arc::new(Admitted::new(objects, Arc::clone(&kinds)));

        let replicas = Replicas::builder(runtime).store(Arc::clone(&store));
        let replicas = Arc::new(replicas.build(Arc::clone(&clock), Arc::clone(&ids)));
        replicas.adopt().await?;
        let builder = PlatformBuilder::new()
            .clock(clock)
            .ids(ids)
            .component(replicas.clone())
            .component(serving.reaper(Arc::clone(&replicas)));
        let builder = serving.install(builder, replicas, images);
        let platform = builder.build(kinds, Arc::clone(&store))?;
        Ok(Self {
            platform,
            store,
            serving,
        })
    }
}
