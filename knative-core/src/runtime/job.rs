//! Jobs: an ordered set of steps over one workspace, run to completion.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::{ContainerSpec, Exit, LogOptions, LogStream, RuntimeError, StartError};

/// The name of a job: unique on its platform.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// One step of a job.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct StepSpec {
    /// What runs; its working directory is relative to the workspace.
    pub container: ContainerSpec,
    /// How long it may take; the job's own limit if `None`.
    pub timeout: Option<Duration>,
}

/// Steps that run one after another over the same files.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct JobSpec {
    /// Its name.
    pub id: JobId,
    /// What runs, in order; a failing step ends the job.
    pub steps: Vec<StepSpec>,
    /// How long all may take together.
    pub timeout: Duration,
}

/// Where a step is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepState {
    /// Its turn has not come.
    #[default]
    Waiting,
    /// It runs.
    Running,
    /// It ended.
    Done(Exit),
}

/// Where a job is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobState {
    /// Its steps, in order.
    pub steps: Vec<StepState>,
    /// Whether nothing of it runs any more and nothing will.
    pub finished: bool,
    /// Whether it was cancelled or ran out of time.
    pub cancelled: bool,
}

/// Runs jobs.
///
/// # Guarantees that an implementation gives
/// - A started job is listed by `watch` until it is removed, also after a restart of the platform.
/// - Logs stay readable after the end, after a cancellation and after a timeout, until `remove`.
#[async_trait]
pub trait JobRuntime: fmt::Debug + Send + Sync + 'static {
    /// Starts a job; a job of that name that is known already is left as it is.
    ///
    /// # Errors
    /// [`StartError`].
    async fn start(&self, job: &JobSpec) -> Result<(), StartError>;

    /// A job's states, the current one first, until it is finished.
    fn watch(&self, id: &JobId) -> BoxStream<'static, JobState>;

    /// A step's output.
    ///
    /// # Errors
    /// [`RuntimeError::Unsupported`].
    async fn logs(
        &self,
        id: &JobId,
        step: usize,
        options: &LogOptions,
    ) -> Result<LogStream, RuntimeError>;

    /// Ends a job; one that is finished or unknown is no error.
    ///
    /// # Errors
    /// [`RuntimeError::BackendGone`].
    async fn cancel(&self, id: &JobId) -> Result<(), RuntimeError>;

    /// Forgets a job, its workspace and its logs.
    ///
    /// # Errors
    /// [`RuntimeError::BackendGone`].
    async fn remove(&self, id: &JobId) -> Result<(), RuntimeError>;
}
