//! Why a run of an instance ended.

use crate::runtime::{Exit, StartError, replicas::health::Unhealthy};

/// The end of a run.
pub(super) struct Ended {
    pub(super) error: StartError,
    pub(super) exit: Option<Exit>,
    /// The container that has to be ended.
    pub(super) unhealthy: Option<Unhealthy>,
}

impl Ended {
    /// One container ended, or all.
    pub(super) fn crashed(exit: Exit) -> Self {
        Self {
            exit: Some(exit.clone()),
            ..StartError::CrashLoop(exit).into()
        }
    }

    /// A start that failed: its end is that of a container which did not live to be ready.
    pub(super) fn failed(error: StartError) -> Self {
        match error {
            StartError::CrashLoop(exit) => Self::crashed(exit),
            error => error.into(),
        }
    }
}

impl From<StartError> for Ended {
    fn from(error: StartError) -> Self {
        Self {
            error,
            exit: None,
            unhealthy: None,
        }
    }
}

impl From<Unhealthy> for Ended {
    fn from(unhealthy: Unhealthy) -> Self {
        let exit = Exit {
            container: Some(unhealthy.container.clone()),
            message: unhealthy.message.clone(),
            ..Exit::default()
        };
        Self {
            unhealthy: Some(unhealthy),
            ..StartError::CrashLoop(exit).into()
        }
    }
}
