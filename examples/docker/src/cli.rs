//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use knative_core::{
    object::{Quantity, parse_duration},
    runtime::{Standby, StandbyKind},
};
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
    #[command(flatten)]
    pub(crate) reserve: Reserve,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Instances in reserve, of revisions whose annotations do not say.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Reserve {
    /// What revisions keep in reserve whose annotation standby.knative.dev/kind does not say [default: nothing]
    #[arg(long = "standby", value_enum, value_name = "KIND")]
    kind: Option<Kind>,
    /// How many instances each of them keeps [default: 1]
    #[arg(long = "standby-count", value_name = "N", requires = "kind")]
    count: Option<u32>,
    /// How long a paused instance is kept, as 10m [default: as long as its revision exists]
    #[arg(long = "standby-keep", value_name = "DURATION", value_parser = duration, requires = "kind")]
    keep: Option<Duration>,
    /// How much memory all paused instances may keep, as 2Gi; one that does not fit is stopped [default: any]
    #[arg(long = "standby-memory", value_name = "QUANTITY", value_parser = bytes)]
    pub(crate) memory: Option<u64>,
}

/// How an instance waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Started, and paused when it is no longer needed: it keeps its memory.
    Paused,
    /// Made, and not started.
    Created,
}

impl Reserve {
    /// As the runtime takes it.
    pub(crate) fn standby(&self) -> Option<Standby> {
        let kind = match self.kind? {
            Kind::Paused => StandbyKind::Paused,
            Kind::Created => StandbyKind::Created,
        };
        let mut standby = Standby::one(kind);
        standby.count = self.count.unwrap_or(standby.count);
        standby.keep = self.keep;
        Some(standby)
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = parse_duration(text).map_err(|error| error.to_string())?;
    Duration::try_from(parsed).map_err(|_| "a duration cannot be negative".to_owned())
}

fn bytes(text: &str) -> Result<u64, String> {
    let parsed = text
        .parse::<Quantity>()
        .map_err(|error| error.to_string())?;
    let bytes = parsed.value().and_then(|bytes| u64::try_from(bytes).ok());
    bytes.ok_or_else(|| "expected a number of bytes, as 512Mi".to_owned())
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
    use std::time::Duration;

    use clap::{CommandFactory as _, Parser as _};
    use knative_core::runtime::{Standby, StandbyKind};

    use super::Cli;

    #[test]
    fn a_reserve_is_what_the_flags_say() {
        let parse = |words: &str| Cli::try_parse_from(words.split(' ')).map(|cli| cli.reserve);
        let reserve = parse("p --standby paused --standby-keep 90s --standby-memory 1Mi").unwrap();
        let mut paused = Standby::one(StandbyKind::Paused);
        paused.keep = Some(Duration::from_secs(90));
        assert_eq!(reserve.standby(), Some(paused));
        assert_eq!(reserve.memory, Some(1 << 20));
        assert!(parse("p --standby-count 2").is_err());
        assert!(parse("p --standby created --standby-keep soon").is_err());
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
