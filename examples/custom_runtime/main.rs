//! Three instances on a runtime of one's own: `cargo run --example custom_runtime`.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

mod runtime;

use std::{collections::BTreeMap, sync::Arc};

use axum::{Router, routing::get};
use futures::StreamExt as _;
use knative_core::{
    Ids, SystemClock,
    runtime::{InstanceState, Observation, Replicas, Workload, WorkloadId, WorkloadRuntime as _},
};
use serde_json::json;

use self::runtime::Threads;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut threads = Threads::default();
    let image = "example.local/hello";
    threads.images.insert(image.to_owned(), hello);
    let ids = Arc::new(Ids::from_entropy()?);
    let replicas = Replicas::builder(Arc::new(threads)).build(Arc::new(SystemClock), ids);
    let template = serde_json::from_value(json!({
        "spec": { "containers": [{ "name": "hello", "image": image }] },
    }))?;
    let id = WorkloadId::new("default", "hello");
    let mut observations = replicas.watch();
    replicas
        .apply(&Workload::new(id, Arc::new(template), 3))
        .await?;
    let mut ready = BTreeMap::new();
    while ready.len() < 3 {
        if let Some(Observation::Instance(instance)) = observations.next().await
            && let InstanceState::Ready { endpoint } = &instance.state
        {
            ready.insert(instance.id.clone(), endpoint.to_string());
        }
    }
    for (id, endpoint) in ready {
        println!("{id} answers at http://{endpoint}");
    }
    replicas.shutdown().await;
    Ok(())
}

fn hello(_: &BTreeMap<String, String>) -> Router {
    Router::new().route("/", get(|| async { "Hello World!\n" }))
}
