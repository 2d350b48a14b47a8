//! What every platform can be told on its command line.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use knative_core::object::name::dns1123_subdomain;

/// What can be set.
#[derive(Clone, Debug, Default, Args)]
pub struct Options {
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
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

impl Options {
    /// The data directory.
    pub fn data(&self) -> &Path {
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::Options;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        _options: Options,
    }

    #[test]
    fn a_domain_is_a_name() {
        for (domain, fits) in [("example.com", true), ("bad domain!", false), ("", false)] {
            let cli = Cli::try_parse_from(["platform", "--domain", domain]);
            assert_eq!(cli.is_ok(), fits, "{domain:?}");
        }
    }
}
