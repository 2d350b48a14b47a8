//! The kit on containers of a real engine.

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use bollard::{
    Docker,
    query_parameters::{
        ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
    },
};
use knative_core::{
    Ids, SystemClock,
    conformance::runtime::{self, Harness, Role, World},
    runtime::{Capabilities, Isolation, Replicas, WorkloadRuntime},
};
use knative_runtime_docker::{DockerImages, DockerNetwork, DockerOptions, DockerRuntime, Engine};
use knative_tests::container;
use libtest_mimic::Trial;
use tempfile::TempDir;

/// The label by which the engine's objects name their platform.
const PLATFORM: &str = "dev.knative.platform";

/// The trials of containers; without an engine they are listed as ignored.
pub(crate) fn trials() -> Vec<Trial> {
    let host = container::engine();
    let ignored = host.is_none();
    let harness: Arc<dyn Harness> = Arc::new(Containers {
        host: host.unwrap_or_default(),
    });
    let trials = runtime::trials(&harness);
    trials
        .into_iter()
        .map(|trial| trial.with_ignored_flag(ignored))
        .collect()
}

#[derive(Debug)]
struct Containers {
    host: String,
}

#[derive(Debug)]
struct ContainerWorld {
    dir: TempDir,
    host: String,
    platform: String,
    replicas: Arc<Replicas>,
    /// Nothing is to be left, not even what is kept ready.
    down: AtomicBool,
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Slow => "slow",
        Role::NeverListens => "never-listens",
        Role::Exits => "exits",
        Role::IgnoresSigterm => "ignores-sigterm",
        Role::LeaksChildren => "leaks-children",
        Role::FloodsLog => "floods-log",
        Role::Writes => "writes",
        Role::EatsMemory => "eats-memory",
        _ => "hello",
    }
}

fn image(word: &str) -> String {
    format!("kit.example.local/{word}:1")
}

const WORDS: [&str; 9] = [
    "hello",
    "slow",
    "never-listens",
    "exits",
    "ignores-sigterm",
    "leaks-children",
    "floods-log",
    "writes",
    "eats-memory",
];

/// Makes the images, once a run.
async fn images(host: &str) {
    static MADE: OnceLock<tokio::sync::Mutex<bool>> = OnceLock::new();
    let mut made = MADE.get_or_init(tokio::sync::Mutex::default).lock().await;
    if !*made {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let program = dir.path().join("program");
        container::compile(&container::workload_source(), &program).expect("the program compiles");
        let docker = Docker::connect_with_host(host).expect("an address");
        let images = WORDS.map(image);
        let words = WORDS.map(|word| [word]);
        let images: Vec<(&str, &[&str])> = images
            .iter()
            .zip(&words)
            .map(|(image, word)| (image.as_str(), word.as_slice()))
            .collect();
        let imported = container::import(&docker, &program, &images).await;
        imported.expect("the engine takes the images");
        *made = true;
    }
}

async fn open(dir: &TempDir, host: &str, platform: &str) -> Arc<Replicas> {
    let engine = Engine::connect(Some(host)).await.expect("an engine");
    let network = DockerNetwork::ensure(&engine, platform).await;
    let ids = Arc::new(Ids::from_entropy().expect("randomness"));
    let clock = Arc::new(SystemClock);
    let runtime = DockerRuntime::open(
        dir.path(),
        network.expect("a network"),
        DockerImages::new(engine),
        DockerOptions::default(),
        clock.clone(),
        ids.clone(),
    );
    let runtime = runtime.await.expect("a runtime");
    Arc::new(Replicas::builder(Arc::new(runtime)).build(clock, ids))
}

#[async_trait]
impl Harness for Containers {
    fn name(&self) -> &'static str {
        "docker"
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.adoption = true;
        capabilities.logs = true;
        capabilities.processes = true;
        capabilities.exec = true;
        capabilities.sidecars = true;
        capabilities.volumes = true;
        capabilities.restart = true;
        capabilities.standby = true;
        capabilities.memory_limit = true;
        capabilities.isolation = Isolation::Container;
        capabilities
    }

    fn image(&self, role: Role) -> String {
        image(word(role))
    }

    fn command(&self, code: u8) -> Vec<String> {
        ["/program", "ends-with", &code.to_string()]
            .map(str::to_owned)
            .into()
    }

    fn cycles(&self) -> usize {
        50
    }

    async fn build(&self) -> Box<dyn World> {
        images(&self.host).await;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let platform = Ids::from_entropy().expect("randomness").suffix();
        let replicas = open(&dir, &self.host, &platform).await;
        Box::new(ContainerWorld {
            dir,
            host: self.host.clone(),
            platform,
            replicas,
            down: AtomicBool::new(false),
        })
    }
}

#[async_trait]
impl World for ContainerWorld {
    fn runtime(&self) -> Arc<dyn WorkloadRuntime> {
        self.replicas.clone()
    }

    async fn crash(&mut self) {
        self.replicas = open(&self.dir, &self.host, &self.platform).await;
        let adopted = self.replicas.adopt().await;
        adopted.expect("the engine answers");
    }

    async fn reap(&self) {
        let reaped = self.replicas.reap(|_| false).await;
        reaped.expect("the engine answers");
    }

    async fn leftovers(&self) -> Vec<String> {
        let all = self.down.load(Ordering::Relaxed);
        marked(&self.host, &self.platform, all).await
    }

    async fn shut_down(&self) {
        self.replicas.shutdown().await;
        self.down.store(true, Ordering::Relaxed);
    }
}

/// What the engine has of this platform, found without the runtime's help; with `all` also what is kept ready.
async fn marked(host: &str, platform: &str, all: bool) -> Vec<String> {
    let docker = Docker::connect_with_host(host).expect("an address");
    let label = format!("{PLATFORM}={platform}");
    let filter = HashMap::from([("label", vec![label.as_str()])]);
    let containers = ListContainersOptionsBuilder::default()
        .all(true)
        .filters(&filter)
        .build();
    let containers = docker.list_containers(Some(containers)).await;
    let volumes = ListVolumesOptionsBuilder::default()
        .filters(&filter)
        .build();
    let volumes = docker.list_volumes(Some(volumes)).await;
    let networks = ListNetworksOptionsBuilder::default()
        .filters(&filter)
        .build();
    let networks = docker.list_networks(Some(networks)).await;
    let containers = containers.expect("a list").into_iter().filter(|container| {
        let labels = container.labels.as_ref();
        let role = labels.and_then(|labels| labels.get("dev.knative.role"));
        all || role.is_none_or(|role| role != "sandbox")
    });
    let containers = containers.map(|container| format!("container {:?}", container.names));
    let volumes = volumes.expect("a list").volumes.into_iter().flatten();
    let volumes = volumes.map(|volume| format!("volume {}", volume.name));
    let networks = networks.expect("a list").into_iter().filter(|_| all);
    let networks = networks.map(|network| format!("network {:?}", network.name));
    containers.chain(volumes).chain(networks).collect()
}
