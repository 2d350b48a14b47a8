//! Controllers: level-triggered passes over objects, each one at a time, with back-off, events and numbers.

mod event;
pub mod finalizer;
mod gate;
mod metrics;
mod queue;
mod reconciler;
mod runner;
mod tracker;

pub use event::{EventRecorder, EventWriter};
pub use gate::LeaderGate;
pub use metrics::{Metrics, MetricsSnapshot};
pub use reconciler::{Action, Disposition, ReconcileError, Reconciler};
pub use runner::Controller;
pub use tracker::Tracker;

#[cfg(test)]
mod tests;
