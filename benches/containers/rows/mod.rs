//! The rows of the table.

mod cold;
mod idle;
mod reserve;
mod storm;

use knative_benches::row::Row;

/// How many sandboxes wait for instances, unless it is to be none: as many as by default.
const POOL: usize = 4;

/// All of them, in the order of the table.
pub(crate) const ALL: &[Row] = &[
    Row {
        name: "pooled",
        what: "Cold start, pooled sandbox",
        run: |effort| Box::pin(cold::pooled(effort)),
    },
    Row {
        name: "empty-pool",
        what: "Cold start, pool empty",
        run: |effort| Box::pin(cold::empty_pool(effort)),
    },
    Row {
        name: "created",
        what: "Wake of a created instance",
        run: |effort| Box::pin(reserve::created(effort)),
    },
    Row {
        name: "paused",
        what: "Wake of a paused instance",
        run: |effort| Box::pin(reserve::paused(effort)),
    },
    Row {
        name: "storm",
        what: "25 services from zero at once",
        run: |effort| Box::pin(storm::run(effort)),
    },
    Row {
        name: "idle",
        what: "Platform with 200 idle services",
        run: |effort| Box::pin(idle::run(effort)),
    },
];
