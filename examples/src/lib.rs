//! What programs share that are a whole platform: the command line, the data directory, the start, the tour and the end.
//! A program brings the [`Machine`] that instances run on.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "for programs for the terminal"
)]

mod assembly;
pub mod cli;
pub mod data;
pub mod demo;
pub mod hello;
mod logging;
pub mod machine;
mod manifest;
pub mod serve;

pub use machine::Machine;

use std::process::ExitCode;

/// How a program ends: a failure is one line that begins with the program's name.
pub fn ended(program: &str, outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{program}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
