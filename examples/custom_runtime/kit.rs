//! The conformance kit on the runtime of this folder: `cargo test -p knative-examples --test custom_runtime`.

mod runtime;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{Router, extract::RawQuery, routing::get};
use knative_core::{
    Ids, SystemClock,
    conformance::runtime::{self as kit, Harness, Role, World},
    runtime::{Capabilities, InstanceRuntime as _, Replicas, WorkloadRuntime},
};
use libtest_mimic::Arguments;

use self::runtime::{App, Threads};

fn main() {
    let harness: Arc<dyn Harness> = Arc::new(Own);
    libtest_mimic::run(&Arguments::from_args(), kit::trials(&harness)).exit();
}

#[derive(Debug)]
struct Own;

#[derive(Debug)]
struct OwnWorld {
    threads: Arc<Threads>,
    replicas: Arc<Replicas>,
}

#[async_trait]
impl Harness for Own {
    fn name(&self) -> &'static str {
        "threads"
    }

    fn capabilities(&self) -> Capabilities {
        Threads::default().capabilities()
    }

    fn image(&self, role: Role) -> String {
        format!("example.local/{role:?}").to_lowercase()
    }

    fn cycles(&self) -> usize {
        200
    }

    async fn build(&self) -> Box<dyn World> {
        let mut threads = Threads::default();
        let images: [(Role, App); 3] = [
            (Role::Hello, hello),
            (Role::IgnoresSigterm, hello),
            (Role::Slow, slow),
        ];
        for (role, app) in images {
            threads.images.insert(self.image(role), app);
        }
        let threads = Arc::new(threads);
        let ids = Arc::new(Ids::seeded(1));
        let replicas = Replicas::builder(threads.clone()).build(Arc::new(SystemClock), ids);
        Box::new(OwnWorld {
            threads,
            replicas: Arc::new(replicas),
        })
    }
}

#[async_trait]
impl World for OwnWorld {
    fn runtime(&self) -> Arc<dyn WorkloadRuntime> {
        self.replicas.clone()
    }

    /// Threads end with their program: there is nothing to adopt, and no case asks for it.
    async fn crash(&mut self) {}

    async fn reap(&self) {}

    async fn leftovers(&self) -> Vec<String> {
        let running = self.threads.list().await.expect("a list is always there");
        running.iter().map(|left| left.id.to_string()).collect()
    }

    async fn shut_down(&self) {
        self.replicas.shutdown().await;
    }
}

fn hello(env: &BTreeMap<String, String>) -> Router {
    let target = env.get("TARGET").map_or("World", String::as_str);
    let greeting = format!("Hello {target}!\n");
    let answer = |RawQuery(query): RawQuery| async move {
        let query = query.unwrap_or_default();
        let late = query
            .strip_prefix("sleep=")
            .and_then(|late| late.parse().ok());
        tokio::time::sleep(Duration::from_millis(late.unwrap_or(0))).await;
        greeting
    };
    Router::new().route("/", get(answer))
}

fn slow(env: &BTreeMap<String, String>) -> Router {
    std::thread::sleep(Duration::from_millis(500));
    hello(env)
}
