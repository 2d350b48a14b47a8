//! What runs, shown as the objects that Kubernetes shows: pods and Deployments.

mod deployment;
mod pod;
mod workloads;
mod writer;

pub(crate) use self::workloads::{Instances, Workloads};
pub(crate) use self::writer::Projection;
