//! Images of an engine.

use crate::engine::Engine;

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
}
