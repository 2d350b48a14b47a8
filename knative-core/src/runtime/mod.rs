//! What a backend fulfils: the traits between the platform and where things run.
//!
//! A backend implements [`InstanceRuntime`] (start, stop, list, watch one instance) and is wrapped in [`Replicas`],
//! which keeps counts, probes, restarts and resolves references, as a kubelet does. A backend that keeps replicas by
//! itself, as Kubernetes, implements [`WorkloadRuntime`].

mod capability;
mod error;
mod exec;
#[cfg(any(test, feature = "test-util"))]
pub mod fake;
mod image;
mod instance;
mod job;
mod log;
pub mod probe;
mod pull_secret;
mod replicas;
mod spec;
mod standby;
mod workload;

pub use capability::{Capabilities, Isolation, Unsupported};
pub use error::{ImageError, RuntimeError, StartError};
pub use exec::{ExecOptions, ExecOutput, ExecSession, TerminalSize};
pub use image::{ImageConfig, ImageStore, ResolvedImage};
pub use instance::{
    Exit, InstanceEvent, InstanceId, InstanceRuntime, Place, Running, Started, Usage,
};
pub use job::{JobId, JobRuntime, JobSpec, JobState, StepSpec, StepState};
pub use log::{LogOptions, LogStream};
pub use pull_secret::{DockerConfigError, PullSecret, pull_secrets};
pub use replicas::{Replicas, ReplicasBuilder};
pub use spec::{
    ContainerSpec, InstanceSpec, PortSpec, PullPolicy, TerminationMessage, VolumeFile,
    VolumeSource, VolumeSpec,
};
pub use standby::{Standby, StandbyKind};
pub use workload::{
    Instance, InstanceState, Observation, Phase, StartPhases, Workload, WorkloadId, WorkloadRuntime,
};
