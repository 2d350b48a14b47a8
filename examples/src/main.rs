//! A serverless platform in one process: `platform-local --help` says how it is used.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod cli;
mod data;
mod demo;
mod hello;
mod image;
mod local;
mod logging;
mod manifest;
mod serve;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The program behind `example.local/hello`: nothing comes before it, so that it starts as fast as a process can.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|arg| arg == hello::ARGUMENT)
    {
        return ended(hello::run());
    }
    let Cli { options, command } = Cli::parse();
    ended(match command {
        None => serve::run(&options),
        Some(Command::Demo) => demo::run(&options),
        Some(Command::Image { command }) => image::run(&options, command),
    })
}

fn ended(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("platform-local: {error:#}");
            ExitCode::FAILURE
        }
    }
}
