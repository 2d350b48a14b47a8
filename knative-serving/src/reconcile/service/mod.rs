//! Service: one Configuration and one Route of its name.

pub mod plan;
