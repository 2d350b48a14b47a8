//! The speed table: what the platform costs beside what the machine costs, measured in the same run.
//!
//! ```text
//! cargo bench --workspace                          the whole table
//! cargo bench -p knative-examples -- warm wakes    some rows
//! cargo bench -p knative-examples -- --quick       fewer rounds, for a look while working
//! ```
//! Servers and load generators run as processes of their own: this program again, with another argument. All traffic
//! stays on the loopback interface.
#![expect(
    clippy::print_stderr,
    reason = "what went wrong goes beside the table, not into it"
)]

mod child;
mod rows;
mod server;
mod task;

use std::process::ExitCode;

use knative_benches::{args::Args, row};

use self::task::Task;

/// As in the platform's own binary, so that costs compare.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let result = match Task::from_args() {
        Some(task) => task.and_then(Task::run).map(|()| ExitCode::SUCCESS),
        None => row::bench(rows::ALL, &Args::from_env()),
    };
    result.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}
