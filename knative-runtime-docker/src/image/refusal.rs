//! What an engine's refusal of an image means.

use std::{sync::Arc, time::Duration};

use bollard::errors::Error;
use knative_core::runtime::{ImageError, StartError};

use super::name::BadName;
use crate::engine::{self, text};

/// Why the engine did not do what it was asked with an image.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// It refused, or did not answer.
    #[error("{}", text(.0))]
    Engine(#[source] Error),
    /// It said nothing for long.
    #[error("nothing came for {0:?}")]
    Stalled(Duration),
}

/// What it comes down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Missing,
    Unauthorized,
    Invalid,
    BadManifest,
    NoSpace,
    Unavailable,
}

/// Engines answer with status 500, or in the middle of a stream, whatever a registry says: its words tell the cases apart.
const WORDS: [(Meaning, &[&str]); 5] = [
    (
        Meaning::NoSpace,
        &["no space left on device", "disk quota exceeded"],
    ),
    (
        Meaning::BadManifest,
        &[
            "no matching manifest for",
            "no match for platform",
            "no image found in manifest list",
            "no image found in image index",
            "unsupported media type",
            "unsupported manifest media type",
            "unsupported schema version",
            "manifest invalid",
            "mediatype in manifest should be",
            "cannot be used on this platform",
            "manifest verification failed",
            "filesystem layer verification failed",
        ],
    ),
    // Before `denied`: a registry that hides what exists says both.
    (
        Meaning::Missing,
        &[
            "manifest unknown",
            "name unknown",
            "repository does not exist",
            "no such image",
        ],
    ),
    (
        Meaning::Unauthorized,
        &[
            "unauthorized",
            "no basic auth credentials",
            "authentication required",
            "denied:",
            "403 forbidden",
        ],
    ),
    (
        Meaning::Invalid,
        &[
            "invalid reference format",
            "repository name must be lowercase",
        ],
    ),
];

impl Failure {
    pub(super) fn meaning(&self) -> Meaning {
        let Self::Engine(error) = self else {
            return Meaning::Unavailable;
        };
        match engine::status(error) {
            Some(401 | 403) => Meaning::Unauthorized,
            Some(404) => Meaning::Missing,
            _ => by_words(&text(error)),
        }
    }

    /// Whether other credentials may be answered better. Registries hide what one may not read behind "not found".
    pub(super) fn is_about_credentials(&self) -> bool {
        matches!(self.meaning(), Meaning::Unauthorized | Meaning::Missing)
    }

    /// The failure of a look-up or of taking in.
    pub(super) fn into_image_error(self, reference: &str) -> ImageError {
        Arc::new(self).image_error(reference)
    }

    /// The same of a failure that several wait for.
    pub(super) fn image_error(self: Arc<Self>, reference: &str) -> ImageError {
        let reference = reference.to_owned();
        let message = self.to_string();
        match self.meaning() {
            Meaning::Missing => ImageError::NotFound {
                hint: hint(&reference),
                reference,
            },
            Meaning::Unauthorized => ImageError::Unauthorized { reference },
            Meaning::Invalid => ImageError::Invalid { reference, message },
            Meaning::BadManifest => ImageError::BadManifest { reference, message },
            Meaning::NoSpace => ImageError::NoSpace { reference, message },
            Meaning::Unavailable => ImageError::Unavailable {
                message,
                source: Some(Box::new(self)),
            },
        }
    }

    /// The failure of a pull.
    pub(super) fn start_error(self: Arc<Self>, reference: &str) -> StartError {
        if self.meaning() == Meaning::Missing {
            return StartError::ImageNotFound {
                reference: reference.to_owned(),
                hint: hint(reference),
            };
        }
        StartError::ImagePull {
            reference: reference.to_owned(),
            message: format!("failed to pull image \"{reference}\": {self}"),
            source: Some(Box::new(self)),
        }
    }
}

fn by_words(said: &str) -> Meaning {
    let said = said.to_lowercase();
    let told = |(_, words): &&(Meaning, &[&str])| words.iter().any(|word| said.contains(word));
    WORDS
        .iter()
        .find(told)
        .map_or(Meaning::Unavailable, |(meaning, _)| *meaning)
}

/// What to do about an image that is nowhere.
pub(super) fn hint(reference: &str) -> String {
    format!(
        "neither the engine nor its registry has it; push it, or give it to the engine with `docker build -t`, `docker tag` \
         or `docker load` as {reference}; if its repository is private, name credentials in imagePullSecrets"
    )
}

pub(super) fn invalid(reference: &str, error: &BadName) -> ImageError {
    ImageError::Invalid {
        reference: reference.to_owned(),
        message: error.to_string(),
    }
}

/// Whether the engine has no such endpoint, and so says nothing of the image.
pub(super) fn lacks_endpoint(error: &Error) -> bool {
    let said = text(error).to_lowercase();
    match engine::status(error) {
        Some(404) => matches!(
            said.trim(),
            "not found" | "page not found" | "404 page not found"
        ),
        Some(405 | 501) => true,
        Some(500) => said.contains("is not supported") && said.contains("path"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status_code: u16, message: &str) -> Error {
        Error::DockerResponseServerError {
            status_code,
            message: message.to_owned(),
        }
    }

    fn streamed(error: &str) -> Error {
        Error::DockerStreamError {
            error: error.to_owned(),
        }
    }

    #[test]
    fn refusals_mean_what_engines_meant() {
        let rows = [
            (
                refused(404, "manifest unknown: manifest unknown"),
                Meaning::Missing,
            ),
            (
                refused(
                    404,
                    "pull access denied for a/b, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
                ),
                Meaning::Missing,
            ),
            (
                refused(401, "unauthorized: authentication required"),
                Meaning::Unauthorized,
            ),
            (
                refused(
                    500,
                    "Head \"http://localhost:1/v2/a/manifests/1\": no basic auth credentials",
                ),
                Meaning::Unauthorized,
            ),
            (refused(400, "invalid reference format"), Meaning::Invalid),
            (
                streamed("no matching manifest for linux/amd64 in the manifest list entries"),
                Meaning::BadManifest,
            ),
            (
                streamed("write /var/lib/docker/tmp/x: no space left on device"),
                Meaning::NoSpace,
            ),
            (
                streamed(
                    "initializing source docker://r.dev/a:1: reading manifest 1 in r.dev/a: manifest unknown",
                ),
                Meaning::Missing,
            ),
            (
                refused(
                    500,
                    "Get \"https://none.invalid/v2/\": dial tcp: lookup none.invalid: no such host",
                ),
                Meaning::Unavailable,
            ),
            (
                refused(
                    500,
                    "toomanyrequests: You have reached your pull rate limit",
                ),
                Meaning::Unavailable,
            ),
            (Error::RequestTimeoutError, Meaning::Unavailable),
        ];
        for (error, want) in rows {
            let failure = Failure::Engine(error);
            assert_eq!(failure.meaning(), want, "{failure}");
        }
        assert_eq!(
            Failure::Stalled(Duration::from_secs(1)).meaning(),
            Meaning::Unavailable
        );
    }

    #[test]
    fn an_engine_without_the_endpoint_is_told_from_an_image_that_is_missing() {
        let rows = [
            (refused(404, "Not Found\n"), true),
            (refused(404, "page not found"), true),
            (
                refused(500, "Path /v1.41/distribution/a/json is not supported"),
                true,
            ),
            (refused(404, "manifest unknown: manifest unknown"), false),
            (refused(500, "unexpected EOF"), false),
        ];
        for (error, want) in rows {
            assert_eq!(lacks_endpoint(&error), want, "{error}");
        }
    }
}
