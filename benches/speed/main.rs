//! The speed table: what the platform costs beside what the machine costs, measured in the same run.
//!
//! ```text
//! cargo bench --workspace                          the whole table
//! cargo bench -p knative-examples -- warm wakes    some rows
//! cargo bench -p knative-examples -- --quick       fewer rounds, for a look while working
//! ```
//! Servers and load generators run as processes of their own: this program again, with another argument. All traffic
//! stays on the loopback interface.
#![expect(clippy::print_stdout, reason = "the table is what it is for")]
#![expect(
    clippy::print_stderr,
    reason = "progress goes beside the table, not into it"
)]

mod args;
mod child;
mod client;
mod load;
mod measure;
mod platform;
mod process;
mod rows;
mod server;
mod table;
mod task;

use std::process::ExitCode;

use self::{args::Args, table::Table, task::Task};

/// As in the platform's own binary, so that costs compare.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let result = match Task::from_args() {
        Some(task) => task.and_then(Task::run).map(|()| ExitCode::SUCCESS),
        None => bench(&Args::from_env()),
    };
    result.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}

/// Prints the table. A figure that falls short is marked; only a row that could not be measured is a failure.
fn bench(args: &Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut table = Table::default();
    for row in rows::ALL.iter().filter(|row| args.wants(row.name)) {
        eprintln!("measuring {}: {}", row.name, row.what);
        match runtime.block_on((row.run)(args.effort)) {
            Ok(lines) => table.extend(row, lines),
            Err(error) => {
                eprintln!("{}: {error:#}", row.name);
                table.fail(row);
            }
        }
    }
    print!("{table}");
    Ok(if table.is_complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
