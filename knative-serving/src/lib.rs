//! knative-serving

pub mod api;
pub mod config;
