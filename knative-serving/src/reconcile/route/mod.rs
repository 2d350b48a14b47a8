//! Route: an Ingress, and a placeholder Service for each of its tags.

pub mod ingress;
pub mod placeholder;
pub mod plan;
