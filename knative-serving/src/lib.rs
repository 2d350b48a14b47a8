//! knative-serving
