//! What a backend fulfils: the traits between the platform and where things run.
//!
//! A backend implements [`InstanceRuntime`] (start, stop, list, watch one instance) and is wrapped in [`Replicas`],
//! which keeps counts, probes, restarts and resolves references, as a kubelet does. A backend that keeps replicas by
//! itself, as Kubernetes, implements [`WorkloadRuntime`].

mod capability;
mod error;
#[cfg(any(test, feature = "test-util"))]
pub mod fake;
mod image;
mod instance;
mod job;
mod log;
pub mod probe;
mod replicas;
mod workload;

pub use capability::{Capabilities, Isolation, Unsupported};
pub use error::{ImageError, RuntimeError, StartError};
pub use image::{ImageConfig, ImageStore, PullSecret, ResolvedImage};
pub use instance::{
    ContainerSpec, Exit, InstanceEvent, InstanceId, InstanceRuntime, InstanceSpec, PortSpec,
    Running, Started, VolumeFile,
};
pub use job::{JobId, JobRuntime, JobSpec, JobState, StepSpec, StepState};
pub use log::{LogOptions, LogStream};
pub use replicas::{Replicas, ReplicasBuilder};
pub use workload::{
    Instance, InstanceState, Observation, Phase, StartPhases, Workload, WorkloadId, WorkloadRuntime,
};
