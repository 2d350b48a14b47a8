//! Images: what a reference means, and taking in new ones.

use std::{fmt, path::Path, time::Duration};

use async_trait::async_trait;

use super::{ImageError, PullSecret};

/// What a reference stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedImage {
    /// `<repository>@sha256:<64 hex>`; `None` where the store keeps no digest for it.
    pub digest: Option<String>,
    /// How the image starts when the workload does not say.
    pub config: ImageConfig,
}

/// How an image starts when the workload does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// The command; a container's `command` replaces it.
    pub entrypoint: Vec<String>,
    /// Its arguments; a container's `args` replace them.
    pub cmd: Vec<String>,
    /// Variables below the container's own.
    pub env: Vec<(String, String)>,
    /// The working directory.
    pub working_dir: Option<String>,
    /// The user, as `1000` or `name:group`.
    pub user: Option<String>,
}

/// Knows what image references mean.
#[async_trait]
pub trait ImageStore: fmt::Debug + Send + Sync + 'static {
    /// Resolves a reference (tag or digest) within `timeout`.
    ///
    /// # Errors
    /// [`ImageError`]; [`ImageError::retry`] says whether asking again may help.
    async fn resolve(
        &self,
        reference: &str,
        secrets: &[PullSecret],
        timeout: Duration,
    ) -> Result<ResolvedImage, ImageError>;

    /// Takes in what a build made (an OCI layout or an executable) under `reference`, and answers with what it resolves to.
    ///
    /// # Errors
    /// [`ImageError::Unsupported`] unless the store overrides it.
    async fn import(&self, reference: &str, path: &Path) -> Result<ResolvedImage, ImageError> {
        let _ = (reference, path);
        Err(ImageError::Unsupported {
            what: "taking in images",
        })
    }
}
