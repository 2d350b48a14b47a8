//! Why a backend could not do what it was asked, and whether asking again may help.

use std::{error::Error as StdError, time::Duration};

use thiserror::Error;

use super::{Exit, InstanceId, Unsupported};

/// Any cause.
type Source = Box<dyn StdError + Send + Sync>;

/// Why an instance did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// There is no room for it.
    #[error("no room for the instance: {message}")]
    Unschedulable {
        /// What is missing.
        message: String,
    },
    /// Its image is not known here. In the words of a kubelet, as all about images.
    #[error("Back-off pulling image {reference:?}: ErrImagePull: it is not known: {hint}")]
    ImageNotFound {
        /// The reference.
        reference: String,
        /// What to do about it.
        hint: String,
    },
    /// Its image cannot be fetched.
    #[error("Back-off pulling image {reference:?}: ErrImagePull: {message}")]
    ImagePull {
        /// The reference.
        reference: String,
        /// What fails.
        message: String,
        /// The cause.
        #[source]
        source: Option<Source>,
    },
    /// It asks for what the backend lacks.
    #[error("{0}")]
    Unsupported(Unsupported),
    /// It ended, before it was ready or after.
    #[error("the instance ended ({})", exit_text(.0))]
    CrashLoop(Exit),
    /// It was not ready in time.
    #[error("the instance was not ready within {waited:?}: {message}")]
    Timeout {
        /// How long it was waited for.
        waited: Duration,
        /// What was waited for.
        message: String,
    },
    /// It was stopped while it started.
    #[error("the instance was stopped while it started")]
    Stopped,
    /// The backend does not answer.
    #[error("the backend does not answer: {message}")]
    BackendGone {
        /// What fails.
        message: String,
        /// The cause.
        #[source]
        source: Option<Source>,
    },
    /// The instance cannot be made: a command that does not exist, a reference that cannot be resolved.
    #[error("{message}")]
    Config {
        /// The kubelet's word for it, as `CreateContainerConfigError` or `RunContainerError`.
        reason: &'static str,
        /// What is wrong.
        message: String,
    },
}

impl StartError {
    /// [`BackendGone`](Self::BackendGone): `message` says what fails.
    pub fn backend_gone(message: impl Into<String>, cause: impl Into<Source>) -> Self {
        Self::BackendGone {
            message: message.into(),
            source: Some(cause.into()),
        }
    }

    /// Whether another try may succeed without a change of the workload.
    pub const fn retry(&self) -> bool {
        !matches!(self, Self::Unsupported(_) | Self::Stopped)
    }

    /// The CamelCase reason that conditions show.
    pub fn reason(&self) -> String {
        match self {
            Self::Unschedulable { .. } => "Unschedulable".to_owned(),
            Self::ImageNotFound { .. } | Self::ImagePull { .. } => "ImagePullBackOff".to_owned(),
            Self::Unsupported(_) => "Unsupported".to_owned(),
            Self::CrashLoop(exit) => {
                // A shell's convention, which container runtimes share: 128 and the signal's number.
                let code = exit.code.or(exit.signal.map(|signal| 128 + signal));
                code.map_or_else(
                    || "CrashLoopBackOff".to_owned(),
                    |code| format!("ExitCode{code}"),
                )
            }
            Self::Timeout { .. } => "ProgressDeadlineExceeded".to_owned(),
            Self::Stopped => "Stopped".to_owned(),
            Self::BackendGone { .. } => "BackendGone".to_owned(),
            Self::Config { reason, .. } => (*reason).to_owned(),
        }
    }
}

fn exit_text(exit: &Exit) -> String {
    match (exit.code, exit.signal) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "exit code unknown".to_owned(),
    }
}

/// Why another call of a backend failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// There is no such instance.
    #[error("there is no instance {id}")]
    NotFound {
        /// Its id.
        id: InstanceId,
    },
    /// The instance has no such container.
    #[error("container {container} is not valid for pod {id}")]
    NoContainer {
        /// The instance's id.
        id: InstanceId,
        /// The container's name.
        container: String,
    },
    /// The container was not started again, so that there is no log of the run before.
    #[error("previous terminated container {container:?} in pod {:?} not found", id.as_str())]
    NoPrevious {
        /// The instance's id.
        id: InstanceId,
        /// The container's name.
        container: String,
    },
    /// The backend cannot do this.
    #[error("{what} is not supported by this runtime")]
    Unsupported {
        /// What was asked.
        what: &'static str,
    },
    /// The backend does not answer; asking again may help.
    #[error("the backend does not answer: {message}")]
    BackendGone {
        /// What fails.
        message: String,
        /// The cause.
        #[source]
        source: Option<Source>,
    },
}

impl RuntimeError {
    /// [`BackendGone`](Self::BackendGone): `message` says what fails.
    pub fn backend_gone(message: impl Into<String>, cause: impl Into<Source>) -> Self {
        Self::BackendGone {
            message: message.into(),
            source: Some(cause.into()),
        }
    }

    /// Whether asking again may help.
    pub const fn retry(&self) -> bool {
        matches!(self, Self::BackendGone { .. })
    }
}

/// Why an image could not be resolved or taken in.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The store does not know it.
    #[error("image {reference:?} is not known: {hint}")]
    NotFound {
        /// The reference.
        reference: String,
        /// What to do about it, as the command that adds it.
        hint: String,
    },
    /// The reference is malformed.
    #[error("image {reference:?} is not a reference: {message}")]
    Invalid {
        /// The reference.
        reference: String,
        /// What is wrong.
        message: String,
    },
    /// The credentials do not suffice.
    #[error("image {reference:?} may not be read with these credentials")]
    Unauthorized {
        /// The reference.
        reference: String,
    },
    /// What the registry or a file holds under this name is no image that can be used.
    #[error("image {reference:?} cannot be used: {message}")]
    BadManifest {
        /// The reference.
        reference: String,
        /// What is wrong.
        message: String,
    },
    /// There is no room for it.
    #[error("there is no room for image {reference:?}: {message}")]
    NoSpace {
        /// The reference.
        reference: String,
        /// What is full.
        message: String,
    },
    /// The store cannot do this.
    #[error("{what} is not supported by this image store")]
    Unsupported {
        /// What was asked.
        what: &'static str,
    },
    /// The store does not answer; asking again may help.
    #[error("{message}")]
    Unavailable {
        /// What fails.
        message: String,
        /// The cause.
        #[source]
        source: Option<Source>,
    },
}

impl ImageError {
    /// Whether asking again may help without a change of the reference or the store.
    pub const fn retry(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. }
                | Self::NotFound { .. }
                | Self::Unauthorized { .. }
                | Self::NoSpace { .. }
        )
    }
}
