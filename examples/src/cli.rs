//! The command line.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use knative_core::object::name::dns1123_subdomain;

/// A serverless platform in one process: Knative services, their revisions and their traffic, on this machine.
///
/// Without a command it runs in the foreground until Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "platform-local", version)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What can be set.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Options {
    /// Where objects, images, logs and credentials are kept [default: .knative; demo: a temporary directory]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where the Kubernetes API listens; port 0 picks a free port once [default: 127.0.0.1:7443; demo: port 0]
    #[arg(long, value_name = "ADDR")]
    api: Option<SocketAddr>,
    /// Where services are called; port 0 picks a free port once [default: 127.0.0.1:7080; demo: port 0]
    #[arg(long, value_name = "ADDR")]
    gateway: Option<SocketAddr>,
    /// The domain of services, written to ConfigMap config-domain [default: what is stored there, at first localhost]
    #[arg(long, value_name = "NAME", value_parser = domain)]
    pub(crate) domain: Option<String>,
    /// Manifests to apply at the start; may be given several times
    #[arg(short = 'f', long = "filename", value_name = "FILE|DIR")]
    pub(crate) manifests: Vec<PathBuf>,
    /// Answer a write only when it is on the disk, so that it survives a loss of power
    #[arg(long)]
    pub(crate) sync: bool,
    /// How log lines look
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) log: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// What can be done beside running the platform.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what the platform does, with a table of what was measured
    Demo,
    /// The images of this machine
    Image {
        #[command(subcommand)]
        command: ImageCommand,
    },
}

/// What can be done with images; a running platform sees it at once.
#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Copy an executable into the store under a reference
    Add {
        /// As `example.local/thumbnailer` or `registry.example/team/app:v2`
        reference: String,
        /// The executable
        path: PathBuf,
        /// An argument that it is started with; may be given several times
        #[arg(long = "arg", value_name = "ARG", allow_hyphen_values = true)]
        args: Vec<String>,
        /// A variable that it is started with; may be given several times
        #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
        env: Vec<(String, String)>,
    },
    /// Print all references
    List,
    /// Forget a reference
    Rm {
        /// The reference
        reference: String,
    },
}

impl Options {
    /// The data directory.
    pub(crate) fn data(&self) -> &Path {
        self.data.as_deref().unwrap_or(Path::new(".knative"))
    }

    /// Where the API is to listen.
    pub(crate) fn api(&self) -> SocketAddr {
        self.api.unwrap_or(([127, 0, 0, 1], 7443).into())
    }

    /// Where the gateway is to listen.
    pub(crate) fn gateway(&self) -> SocketAddr {
        self.gateway.unwrap_or(([127, 0, 0, 1], 7080).into())
    }

    /// The same options with `data` and free ports where nothing was said.
    pub(crate) fn or_temporary(&self, data: &Path) -> Self {
        let free: SocketAddr = ([127, 0, 0, 1], 0).into();
        Self {
            data: Some(self.data.clone().unwrap_or_else(|| data.to_owned())),
            api: Some(self.api.unwrap_or(free)),
            gateway: Some(self.gateway.unwrap_or(free)),
            ..self.clone()
        }
    }
}

fn domain(text: &str) -> Result<String, String> {
    match dns1123_subdomain(text).into_iter().next() {
        None => Ok(text.to_owned()),
        Some(wrong) => Err(wrong),
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::{Cli, Command, ImageCommand};

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_data_directory_may_follow_the_command() {
        let cli = Cli::parse_from(["platform-local", "image", "list", "--data", "/d"]);
        assert_eq!(cli.options.data(), std::path::Path::new("/d"));
    }

    #[test]
    fn images_take_arguments_and_variables() {
        let words = "platform-local image add a/b /bin/x --arg -v --arg two --env A=b=c";
        let cli = Cli::parse_from(words.split(' '));
        let Some(Command::Image {
            command: ImageCommand::Add { args, env, .. },
        }) = cli.command
        else {
            panic!("another command");
        };
        assert_eq!(args, ["-v", "two"]);
        assert_eq!(env, [("A".to_owned(), "b=c".to_owned())]);
    }

    #[test]
    fn a_domain_is_a_name() {
        for (domain, fits) in [("example.com", true), ("bad domain!", false), ("", false)] {
            let cli = Cli::try_parse_from(["platform-local", "--domain", domain]);
            assert_eq!(cli.is_ok(), fits, "{domain:?}");
        }
    }

    #[test]
    fn a_variable_needs_a_name() {
        let words = "platform-local image add a/b /bin/x --env =c";
        assert!(Cli::try_parse_from(words.split(' ')).is_err());
    }
}
