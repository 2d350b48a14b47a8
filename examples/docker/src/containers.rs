//! Instances as containers.

use std::{io::Write as _, sync::Arc};

use anyhow::{Context as _, Result};
use knative_core::runtime::ImageStore as _;
use knative_examples::{
    Machine,
    machine::{HELLO, Parts, Site},
};
use knative_runtime_docker::{ConnectError, DockerImages, DockerOptions, DockerRuntime, Engine};
use tempfile::NamedTempFile;

/// The image of the hello service, as an archive.
const HELLO_IMAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hello.tar"));

/// A Docker engine.
#[derive(Debug)]
pub(crate) struct Containers {
    /// Where it answers; none for what the environment says.
    pub(crate) host: Option<String>,
    /// How many networks wait for instances.
    pub(crate) pool: Option<usize>,
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
        let engine = images.engine().host().to_owned();
        let runtime = DockerRuntime::open(
            &site.data.runtime(),
            site.data.platform(),
            images.clone(),
            self.options(),
            Arc::clone(&site.clock),
            Arc::clone(&site.ids),
        )
        .await?;
        Ok(Parts {
            runtime: Arc::new(runtime),
            images: Arc::new(images),
            banner: vec![("engine", engine)],
        })
    }
}

/// The same archive is the same image: where the engine has it, nothing changes.
async fn import_hello(images: &DockerImages) -> Result<()> {
    let mut archive = NamedTempFile::new()?;
    archive.write_all(HELLO_IMAGE)?;
    images.import(HELLO, archive.path()).await?;
    Ok(())
}
