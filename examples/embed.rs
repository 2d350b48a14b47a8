//! A platform inside of a program of one's own: a function is called, from zero, without any socket.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::{path::Path, sync::Arc};

use futures::StreamExt as _;
use knative_core::http::{Body, Caller as _, Request, Response, boxed};
use knative_core::store::{Api, MemoryStore, Store, TypedEvent, WatchOptions};
use knative_core::{Clock, Ids, Kinds, PlatformBuilder, SystemClock};
use knative_core::{admission::Admitted, platform::ComponentError, runtime::Replicas};
use knative_runtime_local::{LocalImages, LocalRuntime};
use knative_serving::{Serving, api::Service};

#[tokio::main]
async fn main() -> Result<(), ComponentError> {
    let (clock, ids): (Arc<dyn Clock>, _) = (Arc::new(SystemClock), Arc::new(Ids::from_entropy()?));
    let serving = Serving::builder().build(ids.clone());
    let mut kinds = Kinds::new();
    knative_core::kinds::core::register(&mut kinds);
    serving.register(&mut kinds);
    let kinds = Arc::new(kinds);
    let objects = MemoryStore::new(kinds.clone(), clock.clone(), ids.clone());
    let store: Arc<dyn Store> = Arc::new(Admitted::new(objects, kinds.clone()));

    let images = LocalImages::open("target/my-platform/images")?;
    let greet = |_: Request| async { Ok(Response::new(Body::from("Hello!\n"))) };
    images.register_function("example.local/greeter", boxed(tower::service_fn(greet)))?;
    let runtime = LocalRuntime::open(Path::new("target/my-platform"), "mine", images.clone())?;
    let replicas = Replicas::builder(Arc::new(runtime)).store(store.clone());
    let replicas = Arc::new(replicas.build(clock, ids));
    let builder = PlatformBuilder::new().component(replicas.clone());
    let builder = serving.install(builder, replicas, Arc::new(images));
    let platform = builder.build(kinds, store.clone())?;

    let shutdown = tokio_util::sync::CancellationToken::new();
    let using = async {
        let services = Api::<Service>::new(store);
        services.create(&serde_json::from_str(GREETER)?).await?;
        let mut changes = services.watch(&WatchOptions::default()).await?;
        while !matches!(changes.next().await, Some(Ok(TypedEvent::Modified(s))) if s.is_ready()) {}
        let url = "http://greeter.default.svc.cluster.local".parse()?;
        let answer = serving.gateway().call(&url, Request::default()).await?;
        println!("{}", answer.status());
        shutdown.cancel();
        Ok::<_, ComponentError>(())
    };
    tokio::try_join!(async { Ok(platform.run(shutdown.clone()).await?) }, using).map(drop)
}

const GREETER: &str = r#"{
    "apiVersion": "serving.knative.dev/v1", "kind": "Service",
    "metadata": { "name": "greeter", "namespace": "default" },
    "spec": { "template": { "spec": { "containers": [{ "image": "example.local/greeter" }] } } }
}"#;
