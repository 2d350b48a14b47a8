//! What runs, shown as the objects that Kubernetes shows: pods, Deployments and Endpoints.

mod deployment;
mod endpoints;
mod evict;
mod pod;
mod workloads;
mod writer;

pub(crate) use self::workloads::{Instances, Workloads};
pub(crate) use self::writer::Projection;
