//! The rows of the table.

mod cold;
mod create;
mod idle;
mod many;
mod wakes;
mod warm;

use knative_benches::row::Row;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_platform-local");

/// All of them, in the order of the table.
pub(crate) const ALL: &[Row] = &[
    Row {
        name: "cold",
        what: "Cold start, process",
        run: |effort| Box::pin(cold::process(effort)),
    },
    Row {
        name: "function",
        what: "Cold start, function",
        run: |effort| Box::pin(cold::function(effort)),
    },
    Row {
        name: "wakes",
        what: "Wakes per second",
        run: |effort| Box::pin(wakes::run(effort)),
    },
    Row {
        name: "warm",
        what: "Warm CPU per request",
        run: |effort| Box::pin(warm::run(effort)),
    },
    Row {
        name: "create",
        what: "Create to Ready, process",
        run: |effort| Box::pin(create::run(effort)),
    },
    Row {
        name: "many-fakes",
        what: "500 Services at once, fake runtime",
        run: |effort| Box::pin(many::fakes(effort)),
    },
    Row {
        name: "many-functions",
        what: "500 Services at once, functions",
        run: |effort| Box::pin(many::functions(effort)),
    },
    Row {
        name: "idle",
        what: "Idle platform",
        run: |effort| Box::pin(idle::run(effort)),
    },
];
