//! Names of services inside containers of a real engine, `KNATIVE_TEST_DOCKER`.

#[path = "../../../tests/src/container.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "another package's, for more workloads than this one"
)]
mod container;
#[path = "../../../tests/src/image.rs"]
#[expect(unreachable_pub, reason = "as above")]
mod image;

use std::{
    io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use bollard::{Docker, query_parameters::RemoveImageOptions};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use knative_core::{
    Ids, SystemClock,
    runtime::{ContainerSpec, InstanceId, InstanceRuntime as _, InstanceSpec, WorkloadId},
};
use knative_runtime_docker::{
    DockerImages, DockerNetwork, DockerOptions, DockerRuntime, Engine, Subnet,
    dns::{Names, NamesError},
};
use libtest_mimic::{Arguments, Trial};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

const IMAGE: &str = "names.example.local/program:1";
/// Longer than a container takes to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const SERVICES: [&str; 3] = [
    "hello.default",
    "hello.default.svc",
    "hello.default.svc.cluster.local",
];
const MISSING: &str = "none.default.svc.cluster.local";

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/names/program.rs")
}

async fn make_image(host: &str) -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let program = dir.path().join("program");
    container::compile(&source(), &program)?;
    let docker = Docker::connect_with_host(host).map_err(io::Error::other)?;
    container::import(&docker, &program, &[(IMAGE, &[])]).await
}

async fn remove_image(host: &str) -> io::Result<()> {
    let docker = Docker::connect_with_host(host).map_err(io::Error::other)?;
    let removed = docker
        .remove_image(IMAGE, None::<RemoveImageOptions>, None)
        .await;
    removed.map(drop).map_err(io::Error::other)
}

/// What the first caller says to the end, and whether it came from an instance. It is echoed.
async fn hear(gateway: &TcpListener, subnet: Subnet) -> io::Result<(String, bool)> {
    let (mut stream, source) = gateway.accept().await?;
    let mut said = String::new();
    stream.read_to_string(&mut said).await?;
    stream.write_all(said.as_bytes()).await?;
    Ok((said, subnet.contains(source.ip())))
}

fn call(id: &str) -> InstanceSpec {
    let mut caller = ContainerSpec::default();
    "caller".clone_into(&mut caller.name);
    IMAGE.clone_into(&mut caller.image);
    caller.args = SERVICES
        .into_iter()
        .chain([MISSING])
        .map(str::to_owned)
        .collect();
    let workload = WorkloadId::new("default", "caller");
    InstanceSpec::new(InstanceId::new(id), workload, caller)
}

fn main() -> ExitCode {
    let host = container::engine();
    let ignored = host.is_none();
    let trial = Trial::test("a_container_calls_services_by_their_names", move || {
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(call_by_name(&host.unwrap_or_default()));
        Ok(())
    });
    let trials = vec![trial.with_ignored_flag(ignored)];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

async fn call_by_name(host: &str) {
    make_image(host).await.expect("an image");
    let engine = Engine::connect(Some(host)).await.expect("an engine");
    let ids = Arc::new(Ids::from_entropy().expect("randomness"));
    let network = DockerNetwork::ensure(&engine, &ids.suffix()).await;
    let network = network.expect("a network");
    let address = network.address();
    let Names {
        gateway, server, ..
    } = Names::bind(&network, |name| SERVICES.contains(&name))
        .expect("root, and no other program on these ports");
    let again = Names::bind(&network, |_| false);
    let (shutdown, mut tasks) = (CancellationToken::new(), JoinSet::new());
    let (server, token) = (Arc::new(server), shutdown.clone());
    tasks.spawn(async move { server.serve(token).await });

    let dir = tempfile::tempdir().expect("a directory");
    let mut options = DockerOptions::default();
    options.names = true;
    let subnet = network.subnet();
    let images = DockerImages::new(engine);
    let runtime = DockerRuntime::open(
        dir.path(),
        network,
        images,
        options,
        Arc::new(SystemClock),
        ids,
    );
    let runtime = runtime.await.expect("a runtime");
    let spec = call("caller-1");
    let called = async {
        runtime
            .place(&spec.id, &spec.workload, &PodTemplateSpec::default())
            .await?;
        runtime.start(&spec).await
    };
    // The caller listens on no port, so that its start is not over before it is heard.
    let heard = tokio::select! {
        heard = timeout(PATIENCE, hear(&gateway, subnet)) => heard.map_err(io::Error::from).flatten(),
        ended = called => Err(io::Error::other(format!("nothing was heard: {ended:?}"))),
    };
    let stopped = runtime.stop(&spec.id, Duration::ZERO).await;
    runtime.shutdown().await;
    let removed = remove_image(host).await;
    shutdown.cancel();

    assert!(matches!(again, Err(NamesError::Taken { .. })), "{again:?}");
    let (said, from_instance) = heard.expect("a call");
    assert_eq!(said, expected(address));
    assert!(from_instance);
    stopped.expect("the engine answers");
    removed.expect("the engine answers");
}

/// What the caller finds if names are as they should be.
fn expected(address: Ipv4Addr) -> String {
    let services = SERVICES.map(|name| format!("{name} {address}\n"));
    services.concat() + MISSING + " none\n"
}
