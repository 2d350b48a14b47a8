//! `platform-docker image`.

use anyhow::Result;
use knative_core::runtime::ImageStore as _;
use knative_examples::serve;

use crate::{cli::ImageCommand, containers::Containers};

/// Takes images in, beside a running platform too.
pub(crate) fn run(containers: &Containers, command: &ImageCommand) -> Result<()> {
    let ImageCommand::Add { reference, path } = command;
    serve::runtime()?.block_on(async {
        let images = containers.images().await?;
        let added = images.import(reference, path).await?;
        println!("{}", added.digest.as_ref().unwrap_or(reference));
        Ok(())
    })
}
