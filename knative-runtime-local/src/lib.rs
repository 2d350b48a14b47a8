//! knative-runtime-local
