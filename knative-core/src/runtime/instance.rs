//! One instance: the hundred-line backend.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::{PodTemplateSpec, ResourceRequirements, SecurityContext};

use super::{
    Capabilities, LogOptions, LogStream, RuntimeError, StartError, StartPhases, Unsupported,
    WorkloadId,
};
use crate::http::Endpoint;

/// The name of one instance: unique on its platform, valid as a pod's name, never used twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(Arc<str>);

impl InstanceId {
    /// An id; the caller answers for its uniqueness.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A port that a container declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortSpec {
    /// Its name, as `user-port`; may be empty.
    pub name: String,
    /// The number that the workload declares; a backend on the host's network gives another one and says so in `PORT`.
    pub port: u16,
}

/// A file of a volume, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeFile {
    /// The path in the container.
    pub path: String,
    /// Its content.
    pub content: Vec<u8>,
    /// Its mode, as 0o644.
    pub mode: u32,
}

/// A container whose references are resolved.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ContainerSpec {
    /// Its name within the instance.
    pub name: String,
    /// The image, as the template names it (a digest where one was resolved).
    pub image: String,
    /// Replaces the image's entrypoint unless empty; `$(VAR)` expanded.
    pub command: Vec<String>,
    /// Replaces the image's arguments unless empty; `$(VAR)` expanded.
    pub args: Vec<String>,
    /// The working directory; the image's if `None`.
    pub working_dir: Option<String>,
    /// Variables in the order of the template, `$(VAR)` expanded. A backend that picks ports itself replaces `PORT`.
    pub env: Vec<(String, String)>,
    /// Declared ports.
    pub ports: Vec<PortSpec>,
    /// Requests and limits.
    pub resources: ResourceRequirements,
    /// Restrictions.
    pub security_context: Option<SecurityContext>,
    /// Files of its volumes.
    pub files: Vec<VolumeFile>,
}

/// All that a backend needs to start one instance.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct InstanceSpec {
    /// Its id, which is also its pod's name.
    pub id: InstanceId,
    /// What it belongs to.
    pub workload: WorkloadId,
    /// Labels of its pod; a backend keeps them with the instance so that [`InstanceRuntime::list`] can give them back.
    pub labels: BTreeMap<String, String>,
    /// Containers that run to completion first, in order.
    pub init_containers: Vec<ContainerSpec>,
    /// Its containers; the first that declares a port serves requests.
    pub containers: Vec<ContainerSpec>,
    /// How long it may take until it accepts connections.
    pub start_timeout: Duration,
}

impl InstanceSpec {
    /// An instance of one container.
    pub fn new(id: InstanceId, workload: WorkloadId, container: ContainerSpec) -> Self {
        Self {
            id,
            workload,
            labels: BTreeMap::new(),
            init_containers: Vec::new(),
            containers: vec![container],
            start_timeout: Duration::from_secs(600),
        }
    }

    /// The container that serves requests: the first with a port, else the first.
    pub fn serving(&self) -> Option<&ContainerSpec> {
        let with_port = self
            .containers
            .iter()
            .find(|container| !container.ports.is_empty());
        with_port.or_else(|| self.containers.first())
    }
}

/// A started instance.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Started {
    /// Where it takes requests.
    pub endpoint: Endpoint,
    /// How long each step took.
    pub phases: StartPhases,
}

impl Started {
    /// An instance at `endpoint`.
    pub fn new(endpoint: Endpoint, phases: StartPhases) -> Self {
        Self { endpoint, phases }
    }
}

/// An instance that a backend found running.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Running {
    /// Its id.
    pub id: InstanceId,
    /// What it belongs to.
    pub workload: WorkloadId,
    /// The labels that it was started with.
    pub labels: BTreeMap<String, String>,
    /// Where it takes requests; `None` while it starts.
    pub endpoint: Option<Endpoint>,
}

impl Running {
    /// An instance of `workload`.
    pub const fn new(
        id: InstanceId,
        workload: WorkloadId,
        labels: BTreeMap<String, String>,
        endpoint: Option<Endpoint>,
    ) -> Self {
        Self {
            id,
            workload,
            labels,
            endpoint,
        }
    }
}

/// How an instance ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code; unknown for an adopted process.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether it was killed for its memory.
    pub out_of_memory: bool,
    /// The end of its log.
    pub message: String,
}

/// What happens to an instance by itself.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InstanceEvent {
    /// It ended without being stopped.
    Exited {
        /// Which one.
        id: InstanceId,
        /// How.
        exit: Exit,
    },
}

/// Starts and stops instances one by one. Wrapped in [`Replicas`](super::Replicas) it is a whole
/// [`WorkloadRuntime`](super::WorkloadRuntime).
///
/// # Guarantees that an implementation gives
/// - `start` answers when the instance accepts connections at its endpoint. Cancelled or failed, it leaves nothing behind.
/// - `stop` is idempotent, may come while `start` runs (which then answers [`StartError::Stopped`]), and answers when
///   nothing of the instance runs any more.
/// - `list` names everything of this platform that runs, also what an earlier run of the platform started.
/// - `watch` reports every exit of a started instance that `stop` did not cause, once.
#[async_trait]
pub trait InstanceRuntime: fmt::Debug + Send + Sync + 'static {
    /// Names the fields of a template that cannot be honoured here. Pure.
    fn check(&self, template: &PodTemplateSpec) -> Vec<Unsupported>;

    /// Starts an instance.
    ///
    /// # Errors
    /// [`StartError`]; [`StartError::retry`] says whether another try may succeed.
    async fn start(&self, spec: &InstanceSpec) -> Result<Started, StartError>;

    /// Stops an instance: asks it to end, and ends it after `grace`.
    ///
    /// # Errors
    /// [`RuntimeError::BackendGone`]. An instance that is not there is no error.
    async fn stop(&self, id: &InstanceId, grace: Duration) -> Result<(), RuntimeError>;

    /// Everything of this platform that runs.
    ///
    /// # Errors
    /// [`RuntimeError::BackendGone`].
    async fn list(&self) -> Result<Vec<Running>, RuntimeError>;

    /// What happens to instances by themselves, from now on.
    fn watch(&self) -> BoxStream<'static, InstanceEvent>;

    /// What the backend can do at all.
    fn capabilities(&self) -> Capabilities;

    /// An instance's output.
    ///
    /// # Errors
    /// [`RuntimeError::NotFound`], or [`RuntimeError::Unsupported`] unless overridden.
    async fn logs(&self, id: &InstanceId, options: &LogOptions) -> Result<LogStream, RuntimeError> {
        let _ = (id, options);
        Err(RuntimeError::Unsupported {
            what: "reading logs",
        })
    }

    /// Runs a command inside an instance and answers with its exit code.
    ///
    /// # Errors
    /// [`RuntimeError::NotFound`], or [`RuntimeError::Unsupported`] unless overridden.
    async fn exec(
        &self,
        id: &InstanceId,
        command: &[String],
        timeout: Duration,
    ) -> Result<i32, RuntimeError> {
        let _ = (id, command, timeout);
        Err(RuntimeError::Unsupported {
            what: "running commands in an instance",
        })
    }
}
