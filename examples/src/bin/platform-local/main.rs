//! A serverless platform in one process: `platform-local --help` says how it is used.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

mod cli;
mod image;
mod processes;

use std::process::ExitCode;

use clap::Parser as _;
use knative_examples::{Machine as _, demo, ended, hello, serve};

use crate::{
    cli::{Cli, Command},
    processes::Processes,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The program behind `example.local/hello`: nothing comes before it, so that it starts as fast as a process can.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|arg| arg == hello::ARGUMENT)
    {
        return ended(Processes::PROGRAM, hello::run());
    }
    let Cli { options, command } = Cli::parse();
    let outcome = match command {
        None => serve::run(&Processes, &options),
        Some(Command::Demo) => demo::run(&Processes, &options),
        Some(Command::Image { command }) => image::run(&options, command),
    };
    ended(Processes::PROGRAM, outcome)
}
