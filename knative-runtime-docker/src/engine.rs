//! The connection to an engine, and what its refusals mean.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use bollard::{Docker, errors::Error, models::SystemVersion};
use knative_core::runtime::{RuntimeError, StartError};
use thiserror::Error as ThisError;

/// How long the engine may take for one answer: longer than it needs on a machine that is busy, short enough that an
/// engine that hangs is noticed.
const ANSWER: Duration = Duration::from_secs(60);

/// Why there is no engine to work with.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address is none.
    #[error(
        "{host:?} is no address of a Docker engine: give a path as unix:///var/run/docker.sock, or tcp://HOST:PORT"
    )]
    Address {
        /// The address.
        host: String,
        /// The cause.
        #[source]
        source: Box<Error>,
    },
    /// Nothing answers.
    #[error(
        "no Docker engine answers at {host}: start one, or name another with --docker or DOCKER_HOST"
    )]
    NoAnswer {
        /// The address.
        host: String,
        /// The cause.
        #[source]
        source: Box<Error>,
    },
    /// What the platform needs of the engine cannot be had.
    #[error("the Docker engine at {host} cannot be used: {message}")]
    Unusable {
        /// The address.
        host: String,
        /// What is missing.
        message: String,
    },
}

/// A Docker engine, or one that speaks its language (Podman's socket does).
#[derive(Clone)]
pub struct Engine {
    docker: Docker,
    host: String,
    architecture: String,
    podman: bool,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("host", &self.host)
            .field("architecture", &self.architecture)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Connects to `host`, as `unix:///var/run/docker.sock`; by default to what `DOCKER_HOST` names, or to the system's
    /// socket. The older of both sides' versions of the API is spoken.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn connect(host: Option<&str>) -> Result<Self, ConnectError> {
        let name = host.map_or_else(default_host, str::to_owned);
        let no_answer = |source| ConnectError::NoAnswer {
            host: name.clone(),
            source: Box::new(source),
        };
        let docker = Docker::connect_with_host(&name).map_err(|error| match error {
            Error::SocketNotFoundError(_) => no_answer(error),
            error => ConnectError::Address {
                host: name.clone(),
                source: Box::new(error),
            },
        })?;
        let docker = docker.with_timeout(ANSWER).negotiate_version().await;
        let docker = docker.map_err(no_answer)?;
        let version = docker.version().await.map_err(no_answer)?;
        Ok(Self {
            docker,
            podman: is_podman(&version),
            architecture: version.arch.unwrap_or_default(),
            host: name,
        })
    }

    /// Its address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The socket at which it is called, if it is one of this machine, by its true path.
    pub(crate) fn socket(&self) -> Option<PathBuf> {
        let path = Path::new(self.host.strip_prefix("unix://")?);
        Some(path.canonicalize().unwrap_or_else(|_| path.to_owned()))
    }

    /// The architecture that it runs images of, in Go's words: `amd64`, `arm64`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// Whether it is Podman, whose networks are another program's.
    pub(crate) const fn is_podman(&self) -> bool {
        self.podman
    }

    pub(crate) const fn docker(&self) -> &Docker {
        &self.docker
    }

    pub(crate) fn unusable(&self, message: impl Into<String>) -> ConnectError {
        ConnectError::Unusable {
            host: self.host.clone(),
            message: message.into(),
        }
    }
}

fn is_podman(version: &SystemVersion) -> bool {
    let mut parts = version.components.iter().flatten();
    parts.any(|part| part.name.starts_with("Podman"))
}

fn default_host() -> String {
    let named = std::env::var("DOCKER_HOST").ok();
    named
        .filter(|host| !host.is_empty())
        .unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned())
}

/// The status of the engine's refusal.
pub(crate) const fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Whether the engine does not know what it was asked for.
pub(crate) fn is_missing(error: &Error) -> bool {
    status(error) == Some(404)
}

/// Takes "there is none" and "it is so already" for success: what was to be gone or stopped is.
pub(crate) fn settled<T: Default>(answer: Result<T, Error>) -> Result<T, Error> {
    match answer {
        Err(error) if matches!(status(&error), Some(304 | 404)) => Ok(T::default()),
        // The engine is at it.
        Err(error)
            if status(&error) == Some(409) && text(&error).contains("already in progress") =>
        {
            Ok(T::default())
        }
        answer => answer,
    }
}

/// What the engine said, without the client's words around it.
pub(crate) fn text(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message.clone(),
        Error::DockerStreamError { error } => error.clone(),
        Error::HyperLegacyError { err } => format!("the engine does not answer: {err}"),
        other => other.to_string(),
    }
}

/// A call that got no answer, or one that nobody can act on.
pub(crate) fn gone(doing: &str, error: Error) -> RuntimeError {
    RuntimeError::backend_gone(format!("{doing}: {}", text(&error)), error)
}

/// The same during a start.
pub(crate) fn start_gone(doing: &str, error: Error) -> StartError {
    StartError::backend_gone(format!("{doing}: {}", text(&error)), error)
}
