//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use knative_examples::cli::Options;

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
    fn a_variable_needs_a_name() {
        let words = "platform-local image add a/b /bin/x --env =c";
        assert!(Cli::try_parse_from(words.split(' ')).is_err());
    }
}
