//! A real engine, and what one test leaves in it.

use std::sync::{Arc, Mutex, atomic::AtomicU32, atomic::Ordering::SeqCst};

use bollard::{
    Docker,
    auth::DockerCredentials,
    body_full,
    query_parameters::{
        CreateImageOptionsBuilder, ListImagesOptions, PushImageOptionsBuilder,
        RemoveImageOptionsBuilder, TagImageOptionsBuilder,
    },
};
use futures::TryStreamExt as _;
use knative_core::runtime::PullSecret;
use knative_runtime_docker::{DockerImages, Engine};

use super::{
    layout::tar_of_one,
    registry::{PASSWORD, PUSHER, Registry, USER},
};

/// Makes names of tests that run at the same time differ.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// The registries that all tests share.
pub(crate) struct Registries {
    pub(crate) open: Registry,
    pub(crate) closed: Registry,
}

/// What a test works with.
pub(crate) struct Bed {
    pub(crate) images: DockerImages,
    pub(crate) docker: Docker,
    pub(crate) registries: Arc<Registries>,
    /// Part of the name of all that the test makes.
    prefix: String,
    made: Mutex<Vec<String>>,
    config: tempfile::TempDir,
}

impl Bed {
    pub(crate) async fn new(host: &str, registries: Arc<Registries>) -> Self {
        let engine = Engine::connect(Some(host)).await.unwrap();
        let config = tempfile::tempdir().unwrap();
        let docker = Docker::connect_with_host(host).unwrap();
        Self {
            images: DockerImages::new(engine).with_config_dir(config.path()),
            docker: docker.negotiate_version().await.unwrap(),
            registries,
            prefix: format!(
                "kn-images-{}-{}",
                std::process::id(),
                NEXT.fetch_add(1, SeqCst)
            ),
            made: Mutex::default(),
            config,
        }
    }

    /// A repository that only the engine has.
    pub(crate) fn here(&self, path: &str) -> String {
        format!("dev.local/{}/{path}", self.prefix)
    }

    /// A repository of the open registry.
    pub(crate) fn open(&self, path: &str) -> String {
        self.registries.open.name(&self.path(path))
    }

    /// A repository of the registry that asks for a user.
    pub(crate) fn closed(&self, path: &str) -> String {
        self.registries.closed.name(&self.path(path))
    }

    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}/{path}", self.prefix)
    }

    /// Gives the engine an image with one file of this content; answers with its id.
    pub(crate) async fn make(&self, repository: &str, tag: &str, content: &str) -> String {
        let options = CreateImageOptionsBuilder::default()
            .from_src("-")
            .repo(repository)
            .tag(tag)
            .build();
        // Two tests never make the same image: one would remove the other's.
        let content = format!("{} {content}", self.prefix);
        let tar = tar_of_one("file", content.as_bytes());
        let making = self
            .docker
            .create_image(Some(options), Some(body_full(tar.into())), None);
        making.try_collect::<Vec<_>>().await.unwrap();
        let made = self.id(&format!("{repository}:{tag}")).await.unwrap();
        self.made.lock().unwrap().push(made.clone());
        made
    }

    pub(crate) async fn push(&self, repository: &str, tag: &str) {
        let options = PushImageOptionsBuilder::default().tag(tag).build();
        let credentials = DockerCredentials {
            username: Some(PUSHER.to_owned()),
            password: Some(PUSHER.to_owned()),
            ..DockerCredentials::default()
        };
        let pushing = self
            .docker
            .push_image(repository, Some(options), Some(credentials));
        pushing.try_collect::<Vec<_>>().await.unwrap();
    }

    /// Makes an image that only a registry has; answers with the digest there.
    pub(crate) async fn publish(&self, repository: &str, tag: &str, content: &str) -> String {
        let id = self.make(repository, tag, content).await;
        self.push(repository, tag).await;
        let found = self.docker.inspect_image(&id).await.unwrap();
        let digests = found.repo_digests.unwrap();
        let of_repository = |digest: &&String| digest.starts_with(repository);
        let digest = digests.iter().find(of_repository).unwrap().clone();
        self.remove(&id).await;
        digest
    }

    pub(crate) async fn tag(&self, image: &str, repository: &str, tag: &str) {
        let options = TagImageOptionsBuilder::default()
            .repo(repository)
            .tag(tag)
            .build();
        self.docker.tag_image(image, Some(options)).await.unwrap();
    }

    /// The id of an image that the engine has.
    pub(crate) async fn id(&self, image: &str) -> Option<String> {
        self.docker.inspect_image(image).await.ok()?.id
    }

    pub(crate) async fn remove(&self, image: &str) {
        let options = RemoveImageOptionsBuilder::default().force(true).build();
        // It may be gone.
        let _ = self.docker.remove_image(image, Some(options), None).await;
    }

    /// The credentials of the registry that asks for some.
    pub(crate) fn secret(&self, password: &str) -> PullSecret {
        let name = self.registries.closed.name("");
        PullSecret {
            registry: name.trim_end_matches('/').to_owned(),
            username: USER.to_owned(),
            password: password.to_owned(),
        }
    }

    /// Writes the Docker configuration of the platform's user.
    pub(crate) fn log_in(&self) {
        let secret = self.secret(PASSWORD);
        let entry = serde_json::json!({"username": secret.username, "password": secret.password});
        let config = serde_json::json!({"auths": {secret.registry: entry}});
        std::fs::write(self.config.path().join("config.json"), config.to_string()).unwrap();
    }

    /// Removes what the test made.
    pub(crate) async fn clean(&self) {
        let all = self.docker.list_images(None::<ListImagesOptions>).await;
        let of_this = |image: &bollard::models::ImageSummary| {
            let mut names = image.repo_tags.iter().chain(&image.repo_digests);
            names.any(|name| name.contains(&self.prefix))
        };
        let found = all.unwrap().into_iter().filter(of_this);
        let made = std::mem::take(&mut *self.made.lock().unwrap());
        for id in made.into_iter().chain(found.map(|image| image.id)) {
            self.remove(&id).await;
        }
    }
}
