//! A platform inside of a program of one's own: a function is called, from zero, without any socket.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::{path::Path, sync::Arc};

use knative_core::http::{Body, Caller as _, Request, Response, boxed};
use knative_core::{platform::ComponentError, store::Api};
use knative_runtime_local::{LocalImages, LocalRuntime};
use knative_serving::{Embedded, Serving, api::Service};

#[tokio::main]
async fn main() -> Result<(), ComponentError> {
    let images = LocalImages::open("target/my-platform/images")?;
    let greet = |_: Request| async { Ok(Response::new(Body::from("Hello!\n"))) };
    images.register_function("example.local/greeter", boxed(tower::service_fn(greet)))?;
    let runtime = LocalRuntime::open(Path::new("target/my-platform"), "mine", images.clone())?;
    let mine = Embedded::new(Serving::builder(), Arc::new(runtime), Arc::new(images)).await?;
    let shutdown = tokio_util::sync::CancellationToken::new();
    let mut running = tokio::task::JoinSet::new();
    running.spawn(mine.platform.run(shutdown.clone()));

    let api = Api::<Service>::new(mine.store);
    api.create(&serde_json::from_str(GREETER)?).await?;
    api.wait("default", "greeter", Service::is_ready).await?;
    let url = "http://greeter.default.svc.cluster.local".parse()?;
    let gateway = mine.serving.gateway();
    println!("{}", gateway.call(&url, Request::default()).await?.status());
    shutdown.cancel();
    Ok(running.join_all().await.remove(0)?)
}

const GREETER: &str = r#"{
    "metadata": { "name": "greeter", "namespace": "default" },
    "spec": { "template": { "spec": { "containers": [{ "image": "example.local/greeter" }] } } }
}"#;
