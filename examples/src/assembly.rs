//! The platform, put together from the crates.

use std::{fmt::Write as _, io, net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::{Context as _, Error, Result, anyhow};
use k8s_openapi::api::core::v1::ConfigMap;
use knative_apiserver::{ApiServer, Credentials, ServeError};
use knative_core::{
    Clock, Ids, Kinds, Platform, PlatformBuilder, SystemClock,
    admission::Admitted,
    metrics::Registry,
    platform::PlatformError,
    runtime::Replicas,
    store::{Api, JournalOptions, MemoryStore, OpenError, Store, StoreError},
};
use knative_serving::{
    Serving, ServingBuilder,
    gateway::{Gateway, Listener, Scope},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::Options,
    data::{DataDir, OwnedDataDir},
    machine::{Inside, Machine, Parts, Site},
    manifest::{self, Manifest},
};

/// A platform, ready to run.
#[derive(Debug)]
pub(crate) struct Assembly {
    platform: Platform,
    objects: MemoryStore,
    store: Arc<dyn Store>,
    serving: Serving,
    api_address: SocketAddr,
    gateway_address: SocketAddr,
    kubeconfig: PathBuf,
    domain: String,
    /// What the banner says of the machine.
    machine: Vec<(&'static str, String)>,
    /// Freed when the platform has ended.
    data: OwnedDataDir,
}

impl Assembly {
    /// Takes the data directory and the ports, gets the machine ready, and applies manifests.
    pub(crate) async fn open<M: Machine>(
        machine: &M,
        options: &Options,
        manifests: Vec<Manifest>,
    ) -> Result<Self> {
        let mut data = DataDir::open(options.data())?.lock()?;
        let gateway_socket = bind_gateway(options, &mut data).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids = Arc::new(Ids::from_entropy()?);
        let gateway = Gateway::new(Arc::clone(&ids));
        let site = Site {
            data: &data,
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            gateway: gateway.clone(),
            port: gateway_socket.local_addr()?.port(),
        };
        let parts = machine.open(&site).await?;
        let runtime = Arc::clone(&parts.runtime);
        let ground = Ground {
            program: M::PROGRAM,
            options,
            data,
            gateway,
            gateway_socket,
            clock,
            ids,
        };
        let assembled = ground.assemble(parts, manifests).await;
        if assembled.is_err() {
            runtime.shutdown().await;
        }
        assembled
    }

    /// The objects, behind admission.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// Services, revisions and routes.
    pub(crate) const fn serving(&self) -> &Serving {
        &self.serving
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
        let rows = [
            ("API", format!("https://{}", self.api_address)),
            ("gateway", format!("http://{gateway}")),
            ("kubeconfig", kubeconfig.display().to_string()),
        ];
        for (name, value) in rows.iter().chain(&self.machine) {
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

/// What an assembly stands on.
struct Ground<'a> {
    program: &'static str,
    options: &'a Options,
    data: OwnedDataDir,
    gateway: Gateway,
    gateway_socket: TcpListener,
    clock: Arc<dyn Clock>,
    ids: Arc<Ids>,
}

impl Ground<'_> {
    async fn assemble(self, parts: Parts, manifests: Vec<Manifest>) -> Result<Assembly> {
        let Self {
            program,
            options,
            mut data,
            gateway,
            gateway_socket,
            clock,
            ids,
        } = self;
        let gateway_address = gateway_socket.local_addr()?;

        let inside = parts
            .inside
            .as_ref()
            .map(|inside| inside.socket.local_addr());
        let inside = inside.transpose()?.unwrap_or(gateway_address);
        let serving = Serving::builder()
            .gateway(gateway)
            .listening(inside.to_string(), gateway_address.port());
        let serving = with_domain(serving, options).build(Arc::clone(&ids));
        let mut kinds = Kinds::new();
        knative_core::kinds::core::register(&mut kinds);
        serving.register(&mut kinds);
        let kinds = Arc::new(kinds);
        let objects = open_store(options, &data, &kinds, &clock, &ids).await?;
        let store: Arc<dyn Store> = Arc::new(Admitted::new(objects.clone(), Arc::clone(&kinds)));

        let mut replicas = Replicas::builder(parts.runtime).store(Arc::clone(&store));
        if let Some(standby) = parts.standby {
            replicas = replicas.standby(standby);
        }
        if let Some(bytes) = parts.standby_memory {
            replicas = replicas.standby_memory(bytes);
        }
        let replicas = Arc::new(replicas.build(Arc::clone(&clock), Arc::clone(&ids)));

        replicas.adopt().await?;
        manifest::apply(program, &store, &kinds, manifests).await?;

        let metrics = Registry::new();
        let credentials = Credentials::load_or_create(&data.credentials(), clock.now())?;
        let api = ApiServer::builder(Arc::clone(&kinds), Arc::clone(&store))
            .runtime(replicas.clone())
            .metrics(metrics.clone())
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
            .metrics(metrics)
            .component(Arc::new(api));
        let platform = listen(platform, serving.gateway(), gateway_socket, parts.inside)?
            .component(replicas.clone())
            .component(serving.reaper(Arc::clone(&replicas)));
        let platform = serving.install(platform, replicas, parts.images);
        let domain = match &options.domain {
            Some(domain) => domain.clone(),
            None => stored_domain(&store).await?,
        };
        let platform = platform.build(kinds, Arc::clone(&store))?;
        Ok(Assembly {
            platform,
            objects,
            store,
            serving,
            api_address,
            gateway_address,
            kubeconfig,
            domain,
            machine: parts.banner,
            data,
        })
    }
}

/// Adds the listeners: one for all, or one for the public and one for instances.
fn listen(
    platform: PlatformBuilder,
    gateway: &Gateway,
    socket: TcpListener,
    inside: Option<Inside>,
) -> io::Result<PlatformBuilder> {
    let listener = Listener::new(gateway.clone(), socket)?;
    let Some(inside) = inside else {
        return Ok(platform.component(Arc::new(listener)));
    };
    let public = listener.with_scope(Scope::Public);
    let private = Listener::new(gateway.clone(), inside.socket)?.with_scope(inside.scope);
    let platform = platform
        .component(Arc::new(public))
        .component(Arc::new(private));
    let components = inside.components.into_iter();
    Ok(components.fold(platform, PlatformBuilder::component))
}

fn with_domain(serving: ServingBuilder, options: &Options) -> ServingBuilder {
    match &options.domain {
        Some(domain) => serving.domain(domain.as_str()),
        None => serving,
    }
}

/// The domain of services that match no selector, as config-domain has it.
async fn stored_domain(store: &Arc<dyn Store>) -> Result<String, StoreError> {
    let maps = Api::<ConfigMap>::new(Arc::clone(store));
    let map = maps.find("knative-serving", "config-domain").await?;
    let data = map.and_then(|map| map.data).unwrap_or_default();
    let mut domains = data.into_iter().filter(|(name, _)| name != "_example");
    let any = domains.find(|(_, selector)| selector.trim().is_empty());
    Ok(any.map_or_else(|| "localhost".to_owned(), |(name, _)| name))
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
