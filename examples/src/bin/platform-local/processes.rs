//! Instances as processes and functions.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use knative_core::runtime::ImageError;
use knative_examples::{
    Machine, hello,
    machine::{HELLO, Parts, Site},
};
use knative_runtime_local::{LocalImages, LocalRuntime};

/// The image of the hello function.
const HELLO_FUNCTION: &str = "example.local/hello-inproc";

/// This machine, as the local runtime uses it.
#[derive(Debug)]
pub(crate) struct Processes;

impl Machine for Processes {
    const PROGRAM: &'static str = "platform-local";

    async fn open(&self, site: &Site<'_>) -> Result<Parts> {
        let images = LocalImages::open(site.data.images()).context("cannot use the image store")?;
        register_examples(&images)?;
        let runtime =
            LocalRuntime::open(&site.data.runtime(), site.data.platform(), images.clone())
                .context("cannot use the records of processes")?;
        Ok(Parts {
            runtime: Arc::new(runtime),
            images: Arc::new(images),
            banner: Vec::new(),
            inside: None,
            standby: None,
            standby_memory: None,
        })
    }
}

/// Makes the images known that are there from the start.
pub(crate) fn register_examples(images: &LocalImages) -> Result<()> {
    let program = std::env::current_exe().context("this program's own path is unknown")?;
    let known: Result<(), ImageError> = images
        .register_command(HELLO, &program, &[hello::ARGUMENT])
        .and_then(|()| images.register_function(HELLO_FUNCTION, hello::function()));
    Ok(known?)
}
