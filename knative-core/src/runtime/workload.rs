//! Workloads: so many replicas of a pod template.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::stream::BoxStream;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::{
    Capabilities, ExecOptions, ExecSession, Exit, InstanceId, LogOptions, LogStream, RuntimeError,
    StartError, Unsupported, Usage,
};
use crate::http::Endpoint;

/// The name of a workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadId {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name, as `hello-00001-deployment`.
    pub name: Arc<str>,
}

impl WorkloadId {
    /// A name in a namespace.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// How many instances of what.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Workload {
    /// Its name.
    pub id: WorkloadId,
    /// What an instance is made of. Shared, because scaling applies the same template again and again.
    pub template: Arc<PodTemplateSpec>,
    /// How many instances are wanted.
    pub replicas: u32,
    /// The instances that may be stopped to get there; they take no requests any more.
    pub retire: Vec<InstanceId>,
    /// How long a start may take until ready.
    pub start_timeout: Duration,
}

impl Workload {
    /// `replicas` instances of `template`.
    pub fn new(id: WorkloadId, template: Arc<PodTemplateSpec>, replicas: u32) -> Self {
        Self {
            id,
            template,
            replicas,
            retire: Vec::new(),
            start_timeout: Duration::from_secs(600),
        }
    }
}

/// A step of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Getting the image.
    Image,
    /// Making the instance.
    Create,
    /// Giving it a network or a port.
    Network,
    /// Running it until it accepts connections.
    Exec,
    /// Waiting until it says that it is ready.
    Ready,
}

impl Phase {
    /// All phases in their order.
    pub const ALL: [Self; 5] = [
        Self::Image,
        Self::Create,
        Self::Network,
        Self::Exec,
        Self::Ready,
    ];

    /// The word that tables and metrics show.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Create => "create",
            Self::Network => "network",
            Self::Exec => "exec",
            Self::Ready => "ready",
        }
    }
}

/// How long each step of a start took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartPhases(BTreeMap<Phase, Duration>);

impl StartPhases {
    /// Nothing measured.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// One phase.
    pub fn of(phase: Phase, took: Duration) -> Self {
        Self(BTreeMap::from([(phase, took)]))
    }

    /// Adds to a phase.
    pub fn add(&mut self, phase: Phase, took: Duration) {
        *self.0.entry(phase).or_default() += took;
    }

    /// Adds each of another's phases.
    pub fn add_all(&mut self, other: &Self) {
        for (phase, took) in &other.0 {
            self.add(*phase, *took);
        }
    }

    /// The phases that were measured, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (Phase, Duration)> {
        self.0.iter().map(|(phase, took)| (*phase, *took))
    }

    /// How long a phase took.
    pub fn get(&self, phase: Phase) -> Duration {
        self.0.get(&phase).copied().unwrap_or_default()
    }

    /// How long all took together.
    pub fn total(&self) -> Duration {
        self.0.values().sum()
    }
}

impl fmt::Display for StartPhases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, phase) in Phase::ALL.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(
                f,
                "{space}{} {:.1}ms",
                phase.as_str(),
                self.get(*phase).as_secs_f64() * 1e3
            )?;
        }
        Ok(())
    }
}

/// Where an instance is in its life.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum InstanceState {
    /// It is being started.
    Starting,
    /// It takes requests.
    Ready {
        /// Where.
        endpoint: Endpoint,
    },
    /// It runs but says that it is not ready.
    NotReady {
        /// Why.
        message: String,
    },
    /// It failed and is started again after a while.
    BackingOff {
        /// How the last try failed.
        error: Arc<StartError>,
        /// How many tries have failed for the same reason, this one included.
        failures: u32,
        /// When the next one comes.
        until: Timestamp,
        /// Whether the containers that did not fail go on meanwhile.
        others_run: bool,
    },
    /// It is kept in reserve: made but not started, or paused. It takes no requests.
    Standby,
    /// It is being stopped.
    Stopping,
}

impl InstanceState {
    /// Whether it takes requests.
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Ready { .. })
    }
}

/// An instance as seen from outside.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Instance {
    /// Its id, which is its pod's name.
    pub id: InstanceId,
    /// What it belongs to.
    pub workload: WorkloadId,
    /// Where it is in its life.
    pub state: InstanceState,
    /// When it was asked for.
    pub created: Timestamp,
    /// How long its last start took, step by step.
    pub phases: StartPhases,
    /// How often it was started again, or one of its containers was.
    pub restarts: u32,
    /// How often a container was started again by itself, by its name.
    pub container_restarts: BTreeMap<String, u32>,
    /// How it ended the last time.
    pub last_exit: Option<Exit>,
}

impl Instance {
    /// An instance that is being started.
    pub const fn starting(id: InstanceId, workload: WorkloadId, created: Timestamp) -> Self {
        Self {
            id,
            workload,
            state: InstanceState::Starting,
            created,
            phases: StartPhases::new(),
            restarts: 0,
            container_restarts: BTreeMap::new(),
            last_exit: None,
        }
    }

    /// How often one of its containers was started again, by itself or with all.
    pub fn restarts_of(&self, container: &str) -> u32 {
        let alone: u32 = self.container_restarts.values().sum();
        let own = self.container_restarts.get(container);
        self.restarts.saturating_sub(alone) + own.copied().unwrap_or_default()
    }

    /// Where it takes requests, if it does.
    pub const fn endpoint(&self) -> Option<&Endpoint> {
        match &self.state {
            InstanceState::Ready { endpoint } => Some(endpoint),
            _ => None,
        }
    }
}

/// What [`WorkloadRuntime::watch`] tells.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Observation {
    /// An instance is as it is now.
    Instance(Arc<Instance>),
    /// An instance is no more.
    Gone {
        /// Which one.
        id: InstanceId,
        /// What it belonged to.
        workload: WorkloadId,
    },
    /// Everything that existed when the watch began was told.
    Synced,
}

/// Keeps workloads at their replicas.
///
/// # Guarantees that an implementation gives
/// - `apply` is idempotent, answers once the wish is recorded (not once it is true), and may be cancelled at any await.
/// - No healthy instance is stopped unless `retire` names it, but for `delete`.
/// - An instance that fails is started again with a growing delay, under the same id.
/// - `watch` yields the current state first, then [`Observation::Synced`], then every change. It lags never so far that
///   a change is lost: states of one instance may be merged into its latest.
/// - After a restart of the platform, what still runs is adopted by `apply` and listed before; nothing runs twice.
#[async_trait]
pub trait WorkloadRuntime: fmt::Debug + Send + Sync + 'static {
    /// Names the fields that cannot be honoured here. Pure.
    fn check(&self, template: &PodTemplateSpec) -> Vec<Unsupported>;

    /// Makes it so that `workload.replicas` instances run.
    ///
    /// # Errors
    /// [`RuntimeError::BackendGone`].
    async fn apply(&self, workload: &Workload) -> Result<(), RuntimeError>;

    /// Stops all instances of a workload and forgets it. One that is not known is no error.
    ///
    /// # Errors
    /// [`RuntimeError::BackendGone`].
    async fn delete(&self, id: &WorkloadId) -> Result<(), RuntimeError>;

    /// All instances of this platform.
    ///
    /// # Errors
    /// [`RuntimeError::BackendGone`].
    async fn list(&self) -> Result<Vec<Arc<Instance>>, RuntimeError>;

    /// All instances of this platform and every change.
    fn watch(&self) -> BoxStream<'static, Observation>;

    /// An instance's output.
    ///
    /// # Errors
    /// [`RuntimeError::NotFound`], [`RuntimeError::Unsupported`].
    async fn logs(&self, id: &InstanceId, options: &LogOptions) -> Result<LogStream, RuntimeError>;

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

    /// Replaces an instance: it is stopped, and another one started if the workload still wants as many.
    ///
    /// # Errors
    /// [`RuntimeError::NotFound`].
    async fn evict(&self, id: &InstanceId) -> Result<(), RuntimeError>;

    /// What the backend can do at all.
    fn capabilities(&self) -> Capabilities;
}
