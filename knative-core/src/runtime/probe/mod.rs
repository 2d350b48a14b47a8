//! Probes: asking an instance whether it is ready, or alive.

mod check;
mod schedule;

pub use check::{Check, CheckError, Prober};
pub use schedule::Schedule;
