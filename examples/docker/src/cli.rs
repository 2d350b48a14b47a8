//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use knative_examples::cli::Options;

/// A serverless platform on containers: Knative services, their revisions and their traffic, on a Docker engine.
///
/// Without a command it runs in the foreground until Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "platform-docker", version)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    /// The engine, as `unix:///var/run/docker.sock` [default: what `DOCKER_HOST` says, or the system's socket]
    #[arg(long, global = true, value_name = "HOST")]
    pub(crate) docker: Option<String>,
    /// How many networks are made ahead of need, for instances to join [default: 4]
    #[arg(long, value_name = "N")]
    pub(crate) pool: Option<usize>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What can be done beside running the platform.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what the platform does, with a table of what was measured
    Demo,
    /// The images of the engine
    Image {
        #[command(subcommand)]
        command: ImageCommand,
    },
}

/// What can be done with images; `docker image` lists, tags and removes them.
#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Take an image into the engine under a reference
    Add {
        /// As `example.local/thumbnailer` or `registry.example/team/app:v2`
        reference: String,
        /// An OCI layout (a directory, or a tar of one), or an archive of `docker save`
        path: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
