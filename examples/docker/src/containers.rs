//! Instances as containers.

use std::{io::Write as _, sync::Arc};

use anyhow::{Context as _, Result};
use knative_core::runtime::ImageStore as _;
use knative_examples::{
    Machine,
    machine::{HELLO, Inside, Parts, Site},
};
use knative_runtime_docker::{
    ConnectError, DockerImages, DockerNetwork, DockerOptions, DockerRuntime, Engine,
    dns::{Names, NamesError},
};
use knative_serving::gateway::Scope;
use tempfile::NamedTempFile;
use tokio::net::TcpListener;

use crate::cli::Reserve;

/// The image of the hello service, as an archive.
const HELLO_IMAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hello.tar"));

/// How many ports after the one that users call are tried for containers.
const NEAR: u16 = 16;

/// A Docker engine.
#[derive(Debug)]
pub(crate) struct Containers {
    /// Where it answers; none for what the environment says.
    pub(crate) host: Option<String>,
    /// How many networks wait for instances.
    pub(crate) pool: Option<usize>,
    /// What revisions keep in reserve that do not say.
    pub(crate) reserve: Reserve,
}

impl Containers {
    /// The engine's images.
    pub(crate) async fn images(&self) -> Result<DockerImages, ConnectError> {
        let engine = Engine::connect(self.host.as_deref()).await?;
        Ok(DockerImages::new(engine))
    }

    fn options(&self) -> DockerOptions {
        let mut options = DockerOptions::default();
        options.pool = self.pool.unwrap_or(options.pool);
        options
    }
}

impl Machine for Containers {
    const PROGRAM: &'static str = "platform-docker";

    async fn open(&self, site: &Site<'_>) -> Result<Parts> {
        let images = self.images().await?;
        import_hello(&images)
            .await
            .with_context(|| format!("cannot make image {HELLO}"))?;
        let engine = images.engine();
        let network = DockerNetwork::ensure(engine, site.data.platform()).await?;
        let opened = self.open_on(site, &images, network.clone()).await;
        if opened.is_err() {
            network.give_back(engine).await;
        }
        opened
    }
}

impl Containers {
    async fn open_on(
        &self,
        site: &Site<'_>,
        images: &DockerImages,
        network: DockerNetwork,
    ) -> Result<Parts> {
        let engine = images.engine();
        let (inside, off) = inside(&network, site)?;
        let mut options = self.options();
        options.names = off.is_none();
        let mut banner = vec![("engine", engine.host().to_owned())];
        banner.extend(off.map(|why| ("names", format!("off: {why}"))));
        let runtime = DockerRuntime::open(
            &site.data.runtime().join("containers"),
            network,
            images.clone(),
            options,
            Arc::clone(&site.clock),
            Arc::clone(&site.ids),
        )
        .await?;
        Ok(Parts {
            runtime: Arc::new(runtime),
            images: Arc::new(images.clone()),
            banner,
            inside: Some(inside),
            standby: self.reserve.standby(),
            standby_memory: self.reserve.memory,
        })
    }
}

/// Where containers reach the gateway; with why they find no services by name, if they do not.
fn inside(network: &DockerNetwork, site: &Site<'_>) -> Result<(Inside, Option<NamesError>)> {
    let subnet = network.subnet();
    let scope = Scope::private(move |address| subnet.contains(address));
    let handle = site.gateway.handle();
    match Names::bind(network, move |host| handle.serves_locally(host)) {
        Ok(names) => {
            let inside = Inside {
                socket: names.gateway,
                scope,
                components: vec![Arc::new(names.server)],
            };
            Ok((inside, None))
        }
        Err(why) => {
            // Without a name it is still called by its address, which K_GATEWAY says.
            let socket = listen_near(network, site.port).with_context(|| {
                format!(
                    "cannot listen on {}, the engine's network is not this machine's",
                    network.address()
                )
            })?;
            let inside = Inside {
                socket,
                scope,
                components: Vec::new(),
            };
            Ok((inside, Some(why)))
        }
    }
}

/// Listens on the port that users call, or on one of the next: instances that outlive this run have been told the port.
fn listen_near(network: &DockerNetwork, port: u16) -> std::io::Result<TcpListener> {
    let near = (0..NEAR).filter_map(|more| port.checked_add(more));
    let mut near = near.filter_map(|port| network.listen(port).ok());
    near.next().map_or_else(|| network.listen(0), Ok)
}

/// The same archive is the same image: where the engine has it, nothing changes.
async fn import_hello(images: &DockerImages) -> Result<()> {
    let mut archive = NamedTempFile::new()?;
    archive.write_all(HELLO_IMAGE)?;
    images.import(HELLO, archive.path()).await?;
    Ok(())
}
