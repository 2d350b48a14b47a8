//! Images of an engine.

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures::TryStreamExt as _;
use knative_core::runtime::{ContainerSpec, PullSecret, StartError};

use crate::engine::{Engine, is_missing, start_gone};

/// The images of an engine and of the registries that it can reach.
#[derive(Clone, Debug)]
pub struct DockerImages {
    engine: Engine,
}

impl DockerImages {
    /// The images of `engine`.
    pub const fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// The engine.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn forget(&self, reference: &str) {
        let _ = reference;
    }

    pub(crate) async fn ensure(
        &self,
        container: &ContainerSpec,
        _: &[PullSecret],
    ) -> Result<String, StartError> {
        let reference = &container.image;
        match self.engine.docker().inspect_image(reference).await {
            Ok(_) => return Ok(reference.clone()),
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(start_gone("looking for an image", error)),
        }
        let options = CreateImageOptionsBuilder::default()
            .from_image(reference)
            .build();
        let pulled = self.engine.docker().create_image(Some(options), None, None);
        pulled
            .try_for_each(|_| async { Ok(()) })
            .await
            .map_err(|error| StartError::ImageNotFound {
                reference: reference.clone(),
                hint: error.to_string(),
            })?;
        Ok(reference.clone())
    }
}
