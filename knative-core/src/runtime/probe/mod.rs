//! Probes: asking an instance whether it is ready, or alive.

mod check;
mod grpc;
mod schedule;
mod tls;

pub use check::{Check, CheckError, Prober};
pub use grpc::HealthStatus;
pub use schedule::Schedule;
