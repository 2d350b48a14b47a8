//! The runtime kit on the fake runtime.

use std::{convert::Infallible, sync::Arc, time::Duration};

use async_trait::async_trait;
use knative_core::{
    Ids, SystemClock,
    conformance::runtime::{self, Harness, Role, World},
    http::{Body, HttpService, Request, Response, boxed},
    runtime::{
        Capabilities, InstanceRuntime, Replicas, WorkloadRuntime,
        fake::{FakeImage, FakeRuntime},
    },
};
use libtest_mimic::Trial;

/// The trials of the fake runtime.
pub(crate) fn trials() -> Vec<Trial> {
    let harness: Arc<dyn Harness> = Arc::new(Fake);
    runtime::trials(&harness)
}

#[derive(Debug)]
struct Fake;

#[derive(Debug)]
struct FakeWorld {
    fake: FakeRuntime,
    replicas: Arc<Replicas>,
}

#[async_trait]
impl Harness for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn capabilities(&self) -> Capabilities {
        FakeRuntime::new().capabilities()
    }

    fn image(&self, role: Role) -> String {
        format!("example.local/{}", format!("{role:?}").to_lowercase())
    }

    fn cycles(&self) -> usize {
        1000
    }

    async fn build(&self) -> Box<dyn World> {
        let hello = FakeImage::serving(hello());
        let fake = FakeRuntime::new()
            .with_image(&self.image(Role::Hello), hello.clone())
            .with_image(
                &self.image(Role::Slow),
                hello.clone().start_delay(Duration::from_millis(500)),
            )
            .with_image(
                &self.image(Role::IgnoresSigterm),
                hello.stop_delay(Duration::from_secs(60)),
            );
        let replicas = replicas(&fake);
        Box::new(FakeWorld { fake, replicas })
    }
}

fn replicas(fake: &FakeRuntime) -> Arc<Replicas> {
    let replicas = Replicas::builder(Arc::new(fake.clone()));
    Arc::new(replicas.build(Arc::new(SystemClock), Arc::new(Ids::seeded(7))))
}

/// Says hello, late if the query asks for it, and has one pid.
pub(crate) fn hello() -> HttpService {
    boxed(tower::service_fn(|request: Request| async move {
        let late = request
            .uri()
            .query()
            .and_then(|query| query.strip_prefix("sleep=")?.parse().ok());
        tokio::time::sleep(Duration::from_millis(late.unwrap_or(0))).await;
        let body = if request.uri().path() == "/pid" {
            "1"
        } else {
            "Hello World!\n"
        };
        Ok::<_, Infallible>(Response::new(Body::from(body)))
    }))
}

#[async_trait]
impl World for FakeWorld {
    fn runtime(&self) -> Arc<dyn WorkloadRuntime> {
        self.replicas.clone()
    }

    async fn crash(&mut self) {
        self.replicas = replicas(&self.fake);
        self.replicas
            .adopt()
            .await
            .expect("the fake machine always answers");
    }

    async fn reap(&self) {
        self.replicas
            .reap(|_| false)
            .await
            .expect("the fake machine always answers");
    }

    async fn leftovers(&self) -> Vec<String> {
        self.fake
            .running()
            .iter()
            .chain(&self.fake.doubles())
            .map(ToString::to_string)
            .collect()
    }

    async fn shut_down(&self) {
        self.replicas.shutdown().await;
    }
}
