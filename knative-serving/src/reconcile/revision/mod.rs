//! Revision: a workload, its autoscaler, and the images that it uses.

pub mod plan;
