//! knative-core
