//! The platform, put together from the crates.

use std::{fmt::Write as _, io, net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::{Context as _, Error, Result, anyhow};
use knative_apiserver::{ApiServer, Credentials, ServeError};
use knative_core::{
    Clock, Ids, Kinds, Platform, PlatformBuilder, SystemClock,
    admission::Admitted,
    platform::PlatformError,
    runtime::{ImageError, Replicas},
    store::{JournalOptions, MemoryStore, OpenError, Store},
};
use knative_runtime_local::{LocalImages, LocalRuntime};
use knative_serving::gateway::{Gateway, GatewayHandle, Listener};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::Options,
    data::{DataDir, OwnedDataDir},
    hello,
    manifest::{self, Manifest},
};

/// The image of the hello process.
const HELLO: &str = "example.local/hello";
/// The image of the hello function.
const HELLO_FUNCTION: &str = "example.local/hello-inproc";

/// A platform on this machine, ready to run.
#[derive(Debug)]
pub(crate) struct Local {
    platform: Platform,
    objects: MemoryStore,
    store: Arc<dyn Store>,
    gateway: GatewayHandle,
    api_address: SocketAddr,
    gateway_address: SocketAddr,
    kubeconfig: PathBuf,
    domain: String,
    /// Freed when the platform has ended.
    data: OwnedDataDir,
}

impl Local {
    /// Takes the data directory and the ports, and applies manifests.
    pub(crate) async fn open(options: &Options, manifests: Vec<Manifest>) -> Result<Self> {
        let mut data = DataDir::open(options.data())?.lock()?;
        let gateway_socket = bind_gateway(options, &mut data).await?;
        let gateway_address = gateway_socket.local_addr()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids = Arc::new(Ids::from_entropy()?);

        let mut kinds = Kinds::new();
        knative_core::kinds::core::register(&mut kinds);
        let kinds = Arc::new(kinds);
        let objects = open_store(options, &data, &kinds, &clock, &ids).await?;
        let store: Arc<dyn Store> = Arc::new(Admitted::new(objects.clone(), Arc::clone(&kinds)));

        let images = LocalImages::open(data.images()).context("cannot use the image store")?;
        register_examples(&images)?;
        let runtime = LocalRuntime::open(&data.runtime(), data.platform(), images.clone())
            .context("cannot use the records of processes")?;
        let replicas = Replicas::builder(Arc::new(runtime)).store(Arc::clone(&store));
        let replicas = Arc::new(replicas.build(Arc::clone(&clock), Arc::clone(&ids)));

        let gateway = Gateway::new(Arc::clone(&ids));
        manifest::apply(&store, &kinds, manifests).await?;

        let credentials = Credentials::load_or_create(&data.credentials(), clock.now())?;
        let api = ApiServer::builder(Arc::clone(&kinds), Arc::clone(&store))
            .runtime(replicas.clone())
            .build();
        let asked = data.address("api-port", options.api());
        let api = api.bind(asked, Arc::new(credentials)).await;
        let api = api.map_err(|error| api_in_use(asked, error))?;
        data.picked("api-port", options.api(), api.local_addr().port())?;
        let kubeconfig = data.kubeconfig();
        api.kubeconfig(clock.now())?
            .write(&kubeconfig)
            .with_context(|| format!("cannot write {}", kubeconfig.display()))?;

        let api_address = api.local_addr();
        let platform = PlatformBuilder::new()
            .clock(clock)
            .ids(ids)
            .component(Arc::new(api))
            .component(Arc::new(Listener::new(gateway.clone(), gateway_socket)?))
            .component(replicas)
            .build(kinds, Arc::clone(&store))?;
        Ok(Self {
            platform,
            objects,
            store,
            gateway: gateway.handle(),
            api_address,
            gateway_address,
            kubeconfig,
            domain: options
                .domain
                .clone()
                .unwrap_or_else(|| "localhost".to_owned()),
            data,
        })
    }

    /// The objects, behind admission.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// What the gateway knows.
    pub(crate) fn gateway(&self) -> GatewayHandle {
        self.gateway.clone()
    }

    /// Where services are called.
    pub(crate) const fn gateway_address(&self) -> SocketAddr {
        self.gateway_address
    }

    /// The domain of services.
    pub(crate) fn domain(&self) -> &str {
        &self.domain
    }

    /// Where things are and how to begin.
    pub(crate) fn banner(&self) -> String {
        let kubeconfig = std::path::absolute(&self.kubeconfig);
        let kubeconfig = kubeconfig.unwrap_or_else(|_| self.kubeconfig.clone());
        let (gateway, domain) = (self.gateway_address, &self.domain);
        let mut text = String::new();
        for (name, value) in [
            ("API", format!("https://{}", self.api_address)),
            ("gateway", format!("http://{gateway}")),
            ("kubeconfig", kubeconfig.display().to_string()),
        ] {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name:<12}{value}");
        }
        let _ = write!(
            text,
            "\nexport KUBECONFIG={}\n\
             kubectl apply -f examples/manifests/hello.yaml\n\
             curl http://hello.default.{domain}:{port}\n\
             curl -H 'Host: hello.default.{domain}' http://{gateway}   # where that name is not resolved",
            kubeconfig.display(),
            port = gateway.port(),
        );
        text
    }

    /// Runs until `shutdown`, drains, and ends with every acknowledged write on the disk.
    pub(crate) async fn run(self, shutdown: CancellationToken) -> Result<(), PlatformError> {
        let ended = self.platform.run(shutdown).await;
        self.objects.close().await;
        drop(self.data);
        ended
    }
}

/// Makes the images known that are there from the start.
pub(crate) fn register_examples(images: &LocalImages) -> Result<(), Error> {
    let program = std::env::current_exe().context("this program's own path is unknown")?;
    let known: Result<(), ImageError> = images
        .register_command(HELLO, &program, &[hello::ARGUMENT])
        .and_then(|()| images.register_function(HELLO_FUNCTION, hello::function()));
    Ok(known?)
}

async fn open_store(
    options: &Options,
    data: &OwnedDataDir,
    kinds: &Arc<Kinds>,
    clock: &Arc<dyn Clock>,
    ids: &Arc<Ids>,
) -> Result<MemoryStore, OpenError> {
    let mut journal = JournalOptions::default();
    journal.sync = options.sync;
    let (kinds, clock, ids) = (Arc::clone(kinds), Arc::clone(clock), Arc::clone(ids));
    MemoryStore::open(&data.store(), journal, kinds, clock, ids).await
}

async fn bind_gateway(options: &Options, data: &mut OwnedDataDir) -> Result<TcpListener> {
    let asked = data.address("gateway-port", options.gateway());
    let bound = TcpListener::bind(asked).await;
    let socket = bound.map_err(|error| in_use("gateway", asked, error))?;
    let port = socket.local_addr()?.port();
    data.picked("gateway-port", options.gateway(), port)?;
    Ok(socket)
}

fn api_in_use(address: SocketAddr, error: ServeError) -> Error {
    match error {
        ServeError::Bind { source, .. } => in_use("api", address, source),
        other => other.into(),
    }
}

fn in_use(part: &str, address: SocketAddr, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::AddrInUse {
        return anyhow!(
            "{address} is in use by another program, choose another address with --{part} (port 0 picks a free one)"
        );
    }
    Error::new(error).context(format!("cannot listen on {address} (--{part})"))
}
