//! Images of an engine and of the registries that it reaches.

mod archive;
mod credential;
mod ensure;
mod inspect;
mod layout;
mod load;
mod name;
mod plan;
mod pull;
mod refusal;

#[cfg(test)]
mod testing;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bollard::{BollardRequest, Docker};
use knative_core::runtime::{ImageError, ImageStore, PullSecret, ResolvedImage};

use self::{ensure::Seen, pull::Pulls};
use crate::engine::Engine;

/// How bollard hands credentials to the engine.
const CREDENTIALS: &str = "x-registry-auth";

/// The images of an engine and of the registries that it can reach.
///
/// They answer three questions: what a reference means ([`resolve`](ImageStore::resolve)), how to have an image here before
/// a container starts ([`ensure`](Self::ensure)), and how to take in what a build made ([`import`](ImageStore::import)).
/// Clones share what they know.
///
/// # What a reference means
///
/// The engine is asked first, then the reference's registry. All of it goes through the engine, so that its mirrors,
/// proxies, certificates and insecure registries hold for the platform too.
///
/// | The image | Resolves to |
/// |---|---|
/// | is here, pulled from or pushed to its registry | `<repository>@<digest of its manifest>` |
/// | is here only: built, loaded or imported | `<repository>@<id of the image>`; such a reference starts by that id |
/// | is in its registry only | `<repository>@<digest of its manifest or index>` |
/// | is named by digest | the same, if it exists |
///
/// A revision is pinned in each case: moving the tag changes nothing for it. As long as an image is here under a tag,
/// the registry is not asked for that tag; `docker pull` it to move on. Podman has no endpoint that asks a registry:
/// there an image is pulled to be resolved.
///
/// # Credentials
///
/// Entries for the registry's host are tried in order: the workload's `imagePullSecrets`, then the Docker configuration
/// of the platform's user (`$DOCKER_CONFIG/config.json`, by default `~/.docker/config.json`), then none if there are
/// none. `*` in an entry stands for any characters of one label, and Docker Hub's names mean the same. Credential
/// helpers (`credsStore`, `credHelpers`) are not run: `docker login` without one, or use a secret.
///
/// # Presence
///
/// A pull policy means what it means to a kubelet, except that a digest which is here is never pulled again. What was seen
/// is remembered, so that a cold start of a known image asks the engine nothing; [`forget`](Self::forget) is for the
/// container that the engine then refuses to make. Several starts that need one image wait for one pull. A pull that says
/// nothing for five minutes is given up, as is one that no start waits for any more.
///
/// # Taking in
///
/// `import` reads an OCI layout (a directory, or a tar of one, plain or gzip) or an archive of `docker save`. Of an OCI
/// layout it picks the manifest for the engine's architecture, checks digests and sizes of all it passes on, and streams it
/// to the engine; an archive goes to the engine as it is, but under the reference it is imported as and no other. It
/// refuses layers in zstd (engines before 23 cannot read them), paths that lead out of the archive, blobs that are missing
/// or cut, and manifests above four megabytes. No registry is asked.
#[derive(Clone, Debug)]
pub struct DockerImages {
    engine: Engine,
    /// For what goes to registries, or takes its time.
    docker: Docker,
    pulls: Arc<Pulls>,
    seen: Arc<Seen>,
    config_dir: Option<PathBuf>,
}

impl DockerImages {
    /// The images of `engine`, with the credentials of this process's user.
    pub fn new(engine: Engine) -> Self {
        let docker = engine.docker().clone();
        let docker = docker
            .with_timeout(pull::STALL)
            .with_request_modifier(url_safe_credentials);
        Self {
            pulls: Arc::new(Pulls::new(docker.clone())),
            seen: Arc::default(),
            config_dir: credential::default_config_dir(),
            docker,
            engine,
        }
    }

    /// The engine.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Reads the user's credentials from `config.json` in this directory instead.
    #[must_use]
    pub fn with_config_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.config_dir = Some(dir.into());
        self
    }
}

/// The engine reads base64 for URLs; bollard writes the other kind, which the engine takes for no credentials at all as
/// soon as one of two characters differs.
fn url_safe_credentials(mut request: BollardRequest) -> BollardRequest {
    if let Some(value) = request.headers_mut().get_mut(CREDENTIALS) {
        let standard = value.to_str().unwrap_or_default();
        let url_safe = standard.replace('+', "-").replace('/', "_");
        if let Ok(url_safe) = url_safe.parse() {
            *value = url_safe;
        }
    }
    request
}

#[async_trait]
impl ImageStore for DockerImages {
    async fn resolve(
        &self,
        reference: &str,
        secrets: &[PullSecret],
        timeout: Duration,
    ) -> Result<ResolvedImage, ImageError> {
        let resolving = self.resolve_now(reference, secrets);
        let resolved = tokio::time::timeout(timeout, resolving).await;
        resolved.unwrap_or_else(|_| {
            Err(ImageError::Unavailable {
                message: format!("no answer within {timeout:?}"),
                source: None,
            })
        })
    }

    async fn import(&self, reference: &str, path: &Path) -> Result<ResolvedImage, ImageError> {
        self.import_now(reference, path).await
    }
}
