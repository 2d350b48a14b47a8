//! The runtime kit on the local runtime: as processes, and as functions of this process.

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::StreamExt;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use knative_core::{
    Ids, SystemClock,
    conformance::runtime::{self, Harness, Role, World},
    runtime::{
        Capabilities, Instance, InstanceRuntime, InstanceState, Isolation, Replicas, Workload,
        WorkloadId, WorkloadRuntime,
    },
};
use knative_runtime_local::{LocalImages, LocalRuntime};
use libtest_mimic::{Failed, Trial};
use tempfile::TempDir;

use crate::fake::hello;

/// The trials of processes and of functions.
pub(crate) fn trials() -> Vec<Trial> {
    let harnesses: [Arc<dyn Harness>; 2] = [Arc::new(Processes), Arc::new(Functions)];
    let kit = harnesses.iter().flat_map(runtime::trials);
    let own = [
        Trial::test("process::fixed_port_runs_once_and_says_why", fixed_port),
        Trial::test("process::https_probes_decide", https_probes),
    ];
    kit.chain(own).collect()
}

/// The program that plays the roles.
const WORKLOAD: &str = env!("CARGO_BIN_EXE_workload");
/// The program that speaks TLS.
const TLS_WORKLOAD: &str = env!("CARGO_BIN_EXE_tls_workload");
/// Long enough for what starts at once.
const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Processes;

#[derive(Debug)]
struct LocalWorld {
    dir: TempDir,
    platform: String,
    images: LocalImages,
    replicas: Arc<Replicas>,
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Slow => "slow",
        Role::NeverListens => "never-listens",
        Role::Exits => "exits",
        Role::IgnoresSigterm => "ignores-sigterm",
        Role::LeaksChildren => "leaks-children",
        Role::FloodsLog => "floods-log",
        Role::EatsMemory => "eats-memory",
        _ => "hello",
    }
}

fn image(role: Role) -> String {
    format!("example.local/{}", word(role))
}

const ROLES: [Role; 8] = [
    Role::Hello,
    Role::Slow,
    Role::NeverListens,
    Role::Exits,
    Role::IgnoresSigterm,
    Role::LeaksChildren,
    Role::FloodsLog,
    Role::EatsMemory,
];

impl LocalWorld {
    fn new(register: impl Fn(&LocalImages)) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let images = LocalImages::open(dir.path().join("images")).expect("an image directory");
        register(&images);
        let platform = Ids::from_entropy().expect("randomness").suffix();
        let replicas = open(dir.path(), &platform, &images);
        Self {
            dir,
            platform,
            images,
            replicas,
        }
    }
}

fn open(dir: &Path, platform: &str, images: &LocalImages) -> Arc<Replicas> {
    let runtime =
        LocalRuntime::open(&dir.join("local"), platform, images.clone()).expect("a data directory");
    let ids = Arc::new(Ids::from_entropy().expect("randomness"));
    Arc::new(Replicas::builder(Arc::new(runtime)).build(Arc::new(SystemClock), ids))
}

#[async_trait]
impl Harness for Processes {
    fn name(&self) -> &'static str {
        "process"
    }

    fn capabilities(&self) -> Capabilities {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let images = LocalImages::open(dir.path().join("images")).expect("an image directory");
            LocalRuntime::open(dir.path(), "capabilities", images)
                .expect("a data directory")
                .capabilities()
        })
    }

    fn image(&self, role: Role) -> String {
        image(role)
    }

    fn cycles(&self) -> usize {
        1000
    }

    async fn build(&self) -> Box<dyn World> {
        Box::new(LocalWorld::new(|images| {
            for role in ROLES {
                images
                    .register_command(&image(role), Path::new(WORKLOAD), &[word(role)])
                    .expect("a reference");
            }
        }))
    }
}

#[derive(Debug)]
struct Functions;

#[async_trait]
impl Harness for Functions {
    fn name(&self) -> &'static str {
        "function"
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.isolation = Isolation::None;
        capabilities
    }

    fn image(&self, role: Role) -> String {
        // What a function cannot do is played by the process.
        if role == Role::Hello {
            "example.local/function".to_owned()
        } else {
            image(role)
        }
    }

    fn cycles(&self) -> usize {
        1000
    }

    async fn build(&self) -> Box<dyn World> {
        Box::new(LocalWorld::new(|images| {
            images
                .register_function("example.local/function", hello())
                .expect("a reference");
            for role in [Role::Slow, Role::IgnoresSigterm] {
                images
                    .register_command(&image(role), Path::new(WORKLOAD), &[word(role)])
                    .expect("a reference");
            }
        }))
    }
}

#[async_trait]
impl World for LocalWorld {
    fn runtime(&self) -> Arc<dyn WorkloadRuntime> {
        self.replicas.clone()
    }

    async fn crash(&mut self) {
        self.replicas = open(self.dir.path(), &self.platform, &self.images);
        self.replicas
            .adopt()
            .await
            .expect("the records are readable");
    }

    async fn reap(&self) {
        self.replicas
            .reap(|_| false)
            .await
            .expect("the records are readable");
    }

    async fn leftovers(&self) -> Vec<String> {
        marked(&self.platform)
    }

    async fn shut_down(&self) {
        self.replicas.shutdown().await;
    }
}

/// The processes that carry this platform's mark, found without the runtime's help.
fn marked(platform: &str) -> Vec<String> {
    let mark = format!("KNATIVE_INSTANCE={platform}/");
    let processes = std::fs::read_dir("/proc")
        .expect("a proc file system")
        .flatten();
    processes
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let environ = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
            let environ = String::from_utf8_lossy(&environ);
            let found = environ.split('\0').find(|entry| entry.starts_with(&mark))?;
            Some(format!("process {pid} {found}"))
        })
        .collect()
}

/// A program that listens on a port of its own whatever `PORT` says.
fn fixed_port() -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let image = "example.local/fixed-port";
        let world = LocalWorld::new(|images| {
            let registered = images.register_command(image, Path::new(WORKLOAD), &["fixed-port"]);
            registered.expect("a reference");
        });
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let template: PodTemplateSpec = serde_json::from_value(serde_json::json!({
            "spec": { "containers": [{
                "name": "user-container",
                "image": image,
                "env": [{ "name": "FIXED_PORT", "value": port.to_string() }],
            }]},
        }))?;
        let id = WorkloadId::new("default", "fixed");
        world
            .replicas
            .apply(&Workload::new(id, Arc::new(template), 2))
            .await?;
        let told = tokio::time::timeout(DEADLINE, one_fits(&world, port)).await;
        world.replicas.shutdown().await;
        told.map_err(|_| "the second instance was never refused")?
    })
}

/// Waits until one instance answers on the port and the other one is refused with a sentence that names it.
async fn one_fits(world: &LocalWorld, port: u16) -> Result<(), Failed> {
    let mut changes = world.replicas.watch();
    loop {
        let instances = world.replicas.list().await?;
        let address = format!("127.0.0.1:{port}");
        let serves = |instance: &&Arc<Instance>| {
            let endpoint = instance.endpoint();
            endpoint.is_some_and(|endpoint| endpoint.to_string() == address)
        };
        let refused = |instance: &&Arc<Instance>| match &instance.state {
            InstanceState::BackingOff { error, .. } => {
                error.reason() == "Unschedulable" && error.to_string().contains(&port.to_string())
            }
            _ => false,
        };
        if instances.iter().filter(serves).count() == 1 && instances.iter().any(|i| refused(&i)) {
            return Ok(());
        }
        if changes.next().await.is_none() {
            return Err("the watch ended".into());
        }
    }
}

/// Two programs that are probed by HTTPS, of which one speaks it.
fn https_probes() -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let world = LocalWorld::new(|images| {
            for (name, program) in [("plain", WORKLOAD), ("tls", TLS_WORKLOAD)] {
                let image = format!("example.local/{name}");
                let registered = images.register_command(&image, Path::new(program), &[]);
                registered.expect("a reference");
            }
        });
        for name in ["plain", "tls"] {
            world.replicas.apply(&probed_by_https(name)?).await?;
        }
        let told = tokio::time::timeout(DEADLINE, only_tls_is_ready(&world)).await;
        world.replicas.shutdown().await;
        told.map_err(|_| "the probes decided nothing")?
    })
}

fn probed_by_https(name: &str) -> Result<Workload, Failed> {
    let probe = serde_json::json!({
        "httpGet": { "port": 0, "scheme": "HTTPS" },
        "failureThreshold": 1,
    });
    let template: PodTemplateSpec = serde_json::from_value(serde_json::json!({
        "spec": { "containers": [{
            "name": "user-container",
            "image": format!("example.local/{name}"),
            "startupProbe": probe,
            "readinessProbe": probe,
            "livenessProbe": probe,
        }]},
    }))?;
    let id = WorkloadId::new("default", name);
    Ok(Workload::new(id, Arc::new(template), 1))
}

/// Waits until the one that speaks TLS is ready and the other one has failed for that reason.
async fn only_tls_is_ready(world: &LocalWorld) -> Result<(), Failed> {
    let mut changes = world.replicas.watch();
    loop {
        let instances = world.replicas.list().await?;
        let of = |name: &str| instances.iter().find(|one| &*one.workload.name == name);
        let ready = of("tls").is_some_and(|tls| tls.state.is_ready());
        match of("plain").map(|plain| &plain.state) {
            Some(InstanceState::BackingOff { error, .. }) if ready => {
                let told = format!("{error:?}");
                let expected = told.contains("startup probe failed: the TLS handshake failed");
                return expected.then_some(()).ok_or_else(|| told.into());
            }
            Some(InstanceState::Ready { .. }) => return Err("an answer without TLS counted".into()),
            _ => {}
        }
        if changes.next().await.is_none() {
            return Err("the watch ended".into());
        }
    }
}
