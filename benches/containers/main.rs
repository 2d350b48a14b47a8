//! The table of containers: what the platform costs beside what the engine costs, with the same image in the same run.
//!
//! ```text
//! cargo bench -p knative-examples-docker                      the whole table
//! cargo bench -p knative-examples-docker -- pooled storm      some rows
//! cargo bench -p knative-examples-docker -- --quick           fewer rounds, for a look while working
//! ```
//! The engine is the one of the tests, `KNATIVE_TEST_DOCKER`, else what `DOCKER_HOST` says or the system's socket; without
//! one all rows are skipped. Floors speak its API over a connection that is kept, without a client library between.
#![expect(
    clippy::print_stderr,
    reason = "what was not measured is told beside the table"
)]

mod by_hand;
mod engine;
mod ground;
mod rows;

use std::process::ExitCode;

use knative_benches::{args::Args, row};

fn main() -> ExitCode {
    let args = Args::from_env();
    if let Err(why) = engine::answers() {
        for row in rows::ALL.iter().filter(|row| args.wants(row.name)) {
            eprintln!("skipped {}: {}: {why:#}", row.name, row.what);
        }
        return ExitCode::SUCCESS;
    }
    row::bench(rows::ALL, &args).unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}
