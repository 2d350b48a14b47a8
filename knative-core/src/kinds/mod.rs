//! Kinds that are Kubernetes' own and that every platform serves.

pub mod core;
mod rules;
