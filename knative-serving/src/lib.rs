//! knative-serving

pub mod api;
pub mod autoscaler;
pub mod config;
pub mod gateway;
pub mod kinds;
mod projection;
pub mod reconcile;
mod serving;
mod system;
pub mod traffic;

pub use serving::{Serving, ServingBuilder};
