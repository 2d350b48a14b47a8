//! `platform-local image`.

use anyhow::Result;
use knative_examples::{cli::Options, data::DataDir};
use knative_runtime_local::LocalImages;

use crate::{cli::ImageCommand, processes};

/// Adds, lists or removes images, beside a running platform too.
pub(crate) fn run(options: &Options, command: ImageCommand) -> Result<()> {
    let images = LocalImages::open(DataDir::open(options.data())?.images())?;
    match command {
        ImageCommand::Add {
            reference,
            path,
            args,
            env,
        } => {
            let added = images.add(&reference, &path, args, env)?;
            println!("{}", added.digest.unwrap_or(reference));
        }
        ImageCommand::List => {
            processes::register_examples(&images)?;
            list(&images)?;
        }
        ImageCommand::Rm { reference } => {
            processes::register_examples(&images)?;
            images.remove(&reference)?;
        }
    }
    Ok(())
}

fn list(images: &LocalImages) -> Result<()> {
    let entries = images.list()?;
    let width = entries.iter().map(|entry| entry.reference.len()).max();
    let width = width.unwrap_or(0).max("REFERENCE".len());
    println!("{:<width$}  {:>10}  DIGEST", "REFERENCE", "SIZE");
    for entry in entries {
        let size = entry
            .size
            .map_or_else(|| "built in".to_owned(), |size| size.to_string());
        println!("{:<width$}  {size:>10}  {}", entry.reference, entry.digest);
    }
    Ok(())
}
