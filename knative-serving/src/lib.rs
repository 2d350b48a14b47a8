//! knative-serving

pub mod api;
