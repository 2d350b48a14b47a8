//! Chores of this workspace: `cargo xtask help` names them.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod cargo;
mod count;
mod deny;
mod embed;
mod engine;
mod licence;
mod step;
mod test;
mod tools;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::{step::Steps, test::Engineless};

const HELP: &str = "\
cargo xtask CHORE

  ci            all that must pass before a merge: the chores below in this order
  fmt           rustfmt, as a check
  clippy        clippy on every target, warnings are errors
  doc           rustdoc of every crate, warnings are errors
  deny          licences, banned crates and duplicate versions, by deny.toml
  deps [--bless]  the number of crates that each package pulls in, by xtask/dependencies.txt
  embed         builds the README's program outside the workspace
  test          sets up what the tests need, then runs all of them
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    std::env::set_current_dir(cargo::root())?;
    match words {
        ["ci"] => ci(),
        ["fmt"] => fmt(),
        ["clippy"] => clippy(),
        ["doc"] => doc(),
        ["deny"] => deny::check(),
        ["deps"] => count::check(),
        ["deps", "--bless"] => count::bless(),
        ["embed"] => embed::build(),
        ["test"] => test::run(Engineless::Skip),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        other => bail!("there is no chore `{}`\n\n{HELP}", other.join(" ")),
    }
}

fn ci() -> Result<()> {
    let mut steps = Steps::new();
    let outcome = gate(&mut steps);
    steps.print();
    outcome
}

fn gate(steps: &mut Steps) -> Result<()> {
    steps.run("tools", tools::require)?;
    steps.run("fmt", fmt)?;
    steps.run("clippy", clippy)?;
    steps.run("doc", doc)?;
    steps.run("deny", deny::check)?;
    steps.run("deps", count::check)?;
    steps.run("embed", embed::build)?;
    steps.run("test", || test::run(Engineless::Fail))
}

fn fmt() -> Result<()> {
    cargo::run(&["fmt", "--all", "--check"])
}

fn clippy() -> Result<()> {
    cargo::run(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ])
}

fn doc() -> Result<()> {
    let mut command = cargo::command();
    command.env("RUSTDOCFLAGS", "-D warnings");
    cargo::finish(command.args(["doc", "--workspace", "--no-deps", "--all-features"]))
}
