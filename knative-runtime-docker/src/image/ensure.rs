//! Making an image present before a container starts.

use std::collections::HashMap;

use knative_core::runtime::{ContainerSpec, PullPolicy, PullSecret, StartError};
use parking_lot::Mutex;

use super::{DockerImages, name::Name};
use crate::engine::start_gone;

/// How many images are remembered to be there.
const REMEMBERED: usize = 4096;

/// Images that were there when they were last looked for: cold starts spare the question. Keys are references as
/// workloads name them, values what the engine takes.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<HashMap<String, String>>);

impl Seen {
    fn get(&self, reference: &str) -> Option<String> {
        self.0.lock().get(reference).cloned()
    }

    fn insert(&self, reference: &str, image: &str) {
        let mut seen = self.0.lock();
        if seen.len() >= REMEMBERED {
            seen.clear();
        }
        seen.insert(reference.to_owned(), image.to_owned());
    }

    pub(super) fn remove(&self, reference: &str) {
        self.0.lock().remove(reference);
    }
}

impl DockerImages {
    /// Makes a container's image present as its pull policy says, and answers with what the engine takes as its image:
    /// the reference, or the id of an image that only the engine has.
    ///
    /// A digest does not move: one that is there is not pulled again, whatever the policy.
    ///
    /// # Errors
    /// [`StartError::Config`] for a malformed reference and for an absent image that may not be pulled,
    /// [`StartError::ImageNotFound`] and [`StartError::ImagePull`] for failed pulls, [`StartError::BackendGone`].
    pub async fn ensure(
        &self,
        container: &ContainerSpec,
        secrets: &[PullSecret],
    ) -> Result<String, StartError> {
        let reference = &container.image;
        let name = Name::parse(reference).map_err(|error| StartError::Config {
            reason: "InvalidImageName",
            message: format!("Failed to apply default image tag \"{reference}\": {error}"),
        })?;
        let may_be_here = container.pull_policy != PullPolicy::Always || name.digest().is_some();
        if may_be_here && let Some(image) = self.present(reference, &name).await? {
            return Ok(image);
        }
        if container.pull_policy == PullPolicy::Never {
            return Err(StartError::Config {
                reason: "ErrImageNeverPull",
                message: format!(
                    "Container image \"{reference}\" is not present with pull policy of Never"
                ),
            });
        }
        let image = name.for_engine();
        let credentials = self.credentials(&name, secrets).await;
        let pulled = self.pulls.pull(&image, credentials).await;
        pulled.map_err(|failure| failure.start_error(reference))?;
        self.seen.insert(reference, &image);
        Ok(image)
    }

    /// Looks for an image anew at its next start: the engine says that it has none.
    pub fn forget(&self, reference: &str) {
        self.seen.remove(reference);
    }

    async fn present(&self, reference: &str, name: &Name) -> Result<Option<String>, StartError> {
        if let Some(image) = self.seen.get(reference) {
            return Ok(Some(image));
        }
        let present = self.inspect(name).await;
        let present = present.map_err(|error| start_gone("looking for an image", error))?;
        Ok(present.map(|present| {
            self.seen.insert(reference, &present.image);
            present.image
        }))
    }
}

#[cfg(test)]
mod tests;
