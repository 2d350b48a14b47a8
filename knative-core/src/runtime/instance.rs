//! One instance: the hundred-line backend.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use tokio::sync::broadcast::{self, error::RecvError};

use super::{
    Capabilities, ExecOptions, ExecSession, InstanceSpec, LogOptions, LogStream, RuntimeError,
    StartError, StartPhases, Unsupported, WorkloadId, standby::STANDBY_KIND,
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

/// Where an instance will run: what has to be known before its containers are rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// Its address, as `status.podIP` shows it.
    pub address: IpAddr,
    /// How long it took to get it ready.
    pub phases: StartPhases,
}

impl Place {
    /// A place with an address of its own.
    pub const fn at(address: IpAddr, phases: StartPhases) -> Self {
        Self { address, phases }
    }
}

impl Default for Place {
    /// The machine's own loopback address.
    fn default() -> Self {
        Self::at(Ipv4Addr::LOCALHOST.into(), StartPhases::new())
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

    /// An instance that was started with `spec`.
    pub fn of(spec: &InstanceSpec, endpoint: Option<Endpoint>) -> Self {
        Self::new(
            spec.id.clone(),
            spec.workload.clone(),
            spec.labels.clone(),
            endpoint,
        )
    }
}

/// How an instance ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// The container that ended; `None` where an instance is one container, or what its containers stand on ended.
    pub container: Option<String>,
    /// Its exit code; unknown for an adopted process.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether it was killed for its memory.
    pub out_of_memory: bool,
    /// What it said about its end: its termination message, or the end of its log.
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

impl InstanceEvent {
    /// What a backend sends from now on, as [`InstanceRuntime::watch`] answers it.
    pub fn stream(events: broadcast::Receiver<Self>) -> BoxStream<'static, Self> {
        stream::unfold(events, |mut events| async move {
            loop {
                match events.recv().await {
                    Ok(event) => return Some((event, events)),
                    Err(RecvError::Closed) => return None,
                    Err(RecvError::Lagged(missed)) => {
                        tracing::error!(missed, "a watcher of instances was too slow");
                    }
                }
            }
        })
        .boxed()
    }
}

/// What an instance uses of the machine, all its containers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of memory, without what the system only caches for it.
    pub memory: u64,
    /// Processor time since it was started.
    pub cpu: Duration,
}

fn standby_unsupported() -> StartError {
    StartError::Unsupported(Unsupported::refused(
        STANDBY_KIND,
        "this runtime keeps no instances in reserve",
    ))
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

    /// A name for a new instance, where the backend has a place ready that carries one already. Default: none, and the
    /// caller picks a name.
    fn claim(&self, workload: &WorkloadId) -> Option<InstanceId> {
        let _ = workload;
        None
    }

    /// Gets ready where an instance of a template will run; [`stop`](Self::stop) gives it back. Default: this machine.
    ///
    /// # Errors
    /// [`StartError`].
    async fn place(
        &self,
        id: &InstanceId,
        workload: &WorkloadId,
        template: &PodTemplateSpec,
    ) -> Result<Place, StartError> {
        let _ = (id, workload, template);
        Ok(Place::default())
    }

    /// Starts an instance.
    ///
    /// # Errors
    /// [`StartError`]; [`StartError::retry`] says whether another try may succeed.
    async fn start(&self, spec: &InstanceSpec) -> Result<Started, StartError>;

    /// Makes an instance so that a later [`start`](Self::start) of the same id is quicker; it does not run.
    ///
    /// # Errors
    /// [`StartError`]; [`StartError::Unsupported`] unless overridden.
    async fn create(&self, spec: &InstanceSpec) -> Result<(), StartError> {
        let _ = spec;
        Err(standby_unsupported())
    }

    /// Ends one container of a started instance, as [`stop`](Self::stop) ends all; answers with how it ended. Called where
    /// [`Capabilities::restart`] says so.
    ///
    /// # Errors
    /// [`RuntimeError::NotFound`], [`RuntimeError::NoContainer`], [`RuntimeError::BackendGone`], or
    /// [`RuntimeError::Unsupported`] unless overridden.
    async fn stop_container(
        &self,
        id: &InstanceId,
        container: &str,
        grace: Duration,
    ) -> Result<Exit, RuntimeError> {
        let _ = (id, container, grace);
        Err(RuntimeError::Unsupported {
            what: "ending one container",
        })
    }

    /// Starts again, within an instance that was started, the containers that have ended. Others go on, and volumes keep
    /// what they hold. Called where [`Capabilities::restart`] says so.
    ///
    /// # Errors
    /// [`StartError::CrashLoop`] if one of them ends again: then the instance stays as it is. With every other error nothing
    /// is left of it. [`StartError::Unsupported`] unless overridden.
    async fn restart(&self, spec: &InstanceSpec) -> Result<Started, StartError> {
        let _ = spec;
        Err(StartError::Unsupported(Unsupported::refused(
            "spec.containers",
            "this runtime restarts whole instances",
        )))
    }

    /// Takes the processors from a started instance; it keeps its memory.
    ///
    /// # Errors
    /// [`RuntimeError::NotFound`], or [`RuntimeError::Unsupported`] unless overridden.
    async fn pause(&self, id: &InstanceId) -> Result<(), RuntimeError> {
        let _ = id;
        Err(RuntimeError::Unsupported { what: "pausing" })
    }

    /// Lets a paused instance go on.
    ///
    /// # Errors
    /// [`StartError`]; [`StartError::Unsupported`] unless overridden.
    async fn resume(&self, id: &InstanceId) -> Result<Started, StartError> {
        let _ = id;
        Err(standby_unsupported())
    }

    /// What an instance uses of the machine.
    ///
    /// # Errors
    /// [`RuntimeError::NotFound`], or [`RuntimeError::Unsupported`] unless overridden.
    async fn usage(&self, id: &InstanceId) -> Result<Usage, RuntimeError> {
        let _ = id;
        Err(RuntimeError::Unsupported {
            what: "measuring instances",
        })
    }

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

    /// Runs a command inside an instance.
    ///
    /// # Errors
    /// [`RuntimeError::NotFound`], or [`RuntimeError::Unsupported`] unless overridden.
    async fn exec(
        &self,
        id: &InstanceId,
        options: &ExecOptions,
    ) -> Result<ExecSession, RuntimeError> {
        let _ = (id, options);
        Err(RuntimeError::Unsupported {
            what: "running commands in an instance",
        })
    }

    /// Gives back what the backend holds beside instances. The last call, once all instances are stopped. Default:
    /// nothing is held.
    async fn shutdown(&self) {}
}
