//! knative-apiserver
