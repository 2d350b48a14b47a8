//! A serverless platform on containers: `platform-docker --help` says how it is used.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

mod cli;
mod containers;
mod image;

use std::process::ExitCode;

use clap::Parser as _;
use knative_examples::{Machine as _, demo, ended, serve};

use crate::{
    cli::{Cli, Command},
    containers::Containers,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Cli {
        options,
        docker,
        pool,
        reserve,
        command,
    } = Cli::parse();
    let containers = Containers {
        host: docker,
        pool,
        reserve,
    };
    let outcome = match command {
        None => serve::run(&containers, &options),
        Some(Command::Demo) => demo::run(&containers, &options),
        Some(Command::Image { command }) => image::run(&containers, &command),
    };
    ended(Containers::PROGRAM, outcome)
}
