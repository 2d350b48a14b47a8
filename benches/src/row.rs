//! The rows of a table, and how they become one.

use std::process::ExitCode;

use futures::future::LocalBoxFuture;

use crate::{
    args::{Args, Effort},
    table::{Line, Table},
};

/// A row: what is measured, and how.
#[derive(Debug)]
pub struct Row {
    /// What it is asked for by.
    pub name: &'static str,
    /// What it is called in the table.
    pub what: &'static str,
    /// Measures it.
    pub run: fn(Effort) -> LocalBoxFuture<'static, anyhow::Result<Vec<Line>>>,
}

/// Measures the rows that are asked for and prints their table. A figure that falls short is marked; only a row that could
/// not be measured is a failure.
///
/// # Errors
/// There are no threads to measure with.
#[expect(clippy::print_stdout, reason = "the table is what it is for")]
#[expect(
    clippy::print_stderr,
    reason = "progress goes beside the table, not into it"
)]
pub fn bench(rows: &[Row], args: &Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut table = Table::default();
    for row in rows.iter().filter(|row| args.wants(row.name)) {
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
