//! What the engine's refusal to make or run a container means.

use bollard::errors::Error;
use knative_core::runtime::StartError;

use crate::engine::{start_gone, status, text};

/// What the engine says of an image that it does not have; its reference follows.
const NO_IMAGE: &str = "No such image: ";

pub(crate) fn config_error(message: String) -> StartError {
    StartError::Config {
        reason: "CreateContainerConfigError",
        message,
    }
}

pub(super) fn no_command(error: &Error) -> StartError {
    StartError::Config {
        reason: "CreateContainerError",
        message: format!("no command specified: {}", text(error)),
    }
}

/// What the engine's refusal to make or run a container means.
pub(super) fn refused(reason: &'static str, error: Error) -> StartError {
    let message = text(&error);
    match status(&error) {
        _ if message.contains("no space left") => StartError::Unschedulable { message },
        // What the container stands on ended, or went, before it started: another try has another ground.
        _ if message.contains("cannot join") || message.contains("No such container") => {
            start_gone("the instance lost its network", error)
        }
        Some(404) if message.starts_with(NO_IMAGE) => StartError::ImageNotFound {
            reference: message.trim_start_matches(NO_IMAGE).to_owned(),
            hint: "it went from the engine; it is fetched again".to_owned(),
        },
        Some(400 | 404 | 409) => StartError::Config { reason, message },
        Some(500) if message.contains("no command or entrypoint") => no_command(&error),
        // The engine's word for what its container runtime refuses: a command that is not there, a mount that fails.
        Some(500)
            if message.contains("OCI runtime") || message.contains("failed to create shim") =>
        {
            StartError::Config { reason, message }
        }
        _ => start_gone("the container cannot be made", error),
    }
}
