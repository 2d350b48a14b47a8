//! knative-serving

pub mod api;
pub mod autoscaler;
pub mod config;
pub mod gateway;
pub mod reconcile;
pub mod traffic;
