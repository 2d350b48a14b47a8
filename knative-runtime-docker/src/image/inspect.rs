//! What the engine and the registries know of an image.

use std::collections::HashMap;

use bollard::{
    errors::Error,
    models::{DistributionInspect, ImageInspect, OciPlatform},
    query_parameters::ListImagesOptionsBuilder,
};
use knative_core::runtime::{ImageConfig, ImageError, PullSecret, ResolvedImage};

use super::{
    DockerImages, credential,
    name::Name,
    pull::with_each,
    refusal::{Failure, invalid, lacks_endpoint},
};
use crate::engine::{is_missing, status};

/// An image that the engine has.
#[derive(Debug)]
pub(super) struct Present {
    /// What the engine takes as the image of a container.
    pub(super) image: String,
    /// The digest that pins it.
    digest: Option<String>,
    config: ImageConfig,
}

impl Present {
    fn into_resolved(self, name: &Name) -> ResolvedImage {
        ResolvedImage {
            digest: self.digest.map(|digest| name.pinned(&digest)),
            config: self.config,
        }
    }
}

impl DockerImages {
    pub(super) async fn resolve_now(
        &self,
        reference: &str,
        secrets: &[PullSecret],
    ) -> Result<ResolvedImage, ImageError> {
        let name = Name::parse(reference).map_err(|error| invalid(reference, &error))?;
        if let Some(resolved) = self.resolve_here(reference, &name).await? {
            return Ok(resolved);
        }
        let credentials = self.credentials(&name, secrets).await;
        match self.ask_registry(&name, &credentials).await {
            Ok(found) => self.accept(reference, &name, found),
            Err(Failure::Engine(error)) if lacks_endpoint(&error) => {
                self.resolve_by_pulling(reference, &name, credentials).await
            }
            Err(failure) => Err(failure.into_image_error(reference)),
        }
    }

    /// What the engine itself has under a name.
    pub(super) async fn resolve_here(
        &self,
        reference: &str,
        name: &Name,
    ) -> Result<Option<ResolvedImage>, ImageError> {
        let present = self.inspect(name).await;
        let present =
            present.map_err(|error| Failure::Engine(error).into_image_error(reference))?;
        Ok(present.map(|present| present.into_resolved(name)))
    }

    /// Podman asks registries only in order to pull, which may take longer than a resolution: the next one goes on with it.
    async fn resolve_by_pulling(
        &self,
        reference: &str,
        name: &Name,
        credentials: Vec<PullSecret>,
    ) -> Result<ResolvedImage, ImageError> {
        let pulled = self.pulls.pull_on(&name.for_engine(), credentials).await;
        pulled.map_err(|failure| failure.image_error(reference))?;
        let resolved = self.resolve_here(reference, name).await?;
        resolved.ok_or_else(|| ImageError::Unavailable {
            message: format!("{reference} was pulled and is not there"),
            source: None,
        })
    }

    /// Looks an image up in the engine by its name, then by the id that its digest may be.
    pub(super) async fn inspect(&self, name: &Name) -> Result<Option<Present>, Error> {
        let image = name.for_engine();
        if let Some(found) = self.inspect_one(&image).await? {
            return Ok(Some(present(image, name, found)));
        }
        let Some(digest) = name.digest() else {
            return Ok(None);
        };
        let id = self.id_of(digest).await?;
        let found = self.inspect_one(&id).await?;
        Ok(found.map(|found| present(id, name, found)))
    }

    /// The id that a digest may be. Podman has digests for images of its own too, and finds them by the name that they
    /// were given only until another image gets it.
    async fn id_of(&self, digest: &str) -> Result<String, Error> {
        if !self.engine.is_podman() {
            return Ok(digest.to_owned());
        }
        let filters = HashMap::from([("digest", vec![digest.to_owned()])]);
        let options = ListImagesOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        // Before version 5 it cannot look for digests.
        let found = match self.engine.docker().list_images(Some(options)).await {
            Err(error) if status(&error).is_some() => Vec::new(),
            found => found?,
        };
        let found = found.into_iter().next();
        Ok(found.map_or_else(|| digest.to_owned(), |image| image.id))
    }

    async fn inspect_one(&self, image: &str) -> Result<Option<ImageInspect>, Error> {
        match self.engine.docker().inspect_image(image).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The credentials to try, in order: the workload's own, then those of the platform's user.
    pub(super) async fn credentials(&self, name: &Name, secrets: &[PullSecret]) -> Vec<PullSecret> {
        let mut found = credential::matching(secrets, name.registry());
        let of_user = credential::of_user(self.config_dir.as_deref()).await;
        found.extend(credential::matching(&of_user, name.registry()));
        found
    }

    async fn ask_registry(
        &self,
        name: &Name,
        credentials: &[PullSecret],
    ) -> Result<DistributionInspect, Failure> {
        let image = name.for_engine();
        let ask = async |secret: Option<&PullSecret>| {
            let credentials = secret.map(credential::for_engine);
            let found = self
                .docker
                .inspect_registry_image(&image, credentials)
                .await;
            found.map_err(Failure::Engine)
        };
        with_each(credentials, ask).await
    }

    fn accept(
        &self,
        reference: &str,
        name: &Name,
        found: DistributionInspect,
    ) -> Result<ResolvedImage, ImageError> {
        let bad = |message| ImageError::BadManifest {
            reference: reference.to_owned(),
            message,
        };
        let architecture = self.engine.architecture();
        let media_type = found.descriptor.media_type.unwrap_or_default();
        // Of a single image the engine decides: it may emulate.
        let is_index = media_type.contains("manifest.list") || media_type.contains("image.index");
        if is_index && !runs_on(&found.platforms, architecture) {
            return Err(bad(format!("no manifest for linux/{architecture} in it")));
        }
        let digest = found.descriptor.digest;
        let digest = digest.ok_or_else(|| bad("its registry names no digest".to_owned()))?;
        Ok(ResolvedImage {
            digest: Some(name.pinned(&digest)),
            config: ImageConfig::default(),
        })
    }
}

/// Whether one of the platforms is the engine's. A list that says nothing excludes nothing.
fn runs_on(platforms: &[OciPlatform], architecture: &str) -> bool {
    let fits = |platform: &OciPlatform| {
        let says = |field: &Option<String>, want: &str| {
            field
                .as_deref()
                .is_none_or(|is| is.is_empty() || is == want)
        };
        says(&platform.os, "linux") && says(&platform.architecture, architecture)
    };
    architecture.is_empty() || platforms.is_empty() || platforms.iter().any(fits)
}

fn present(image: String, name: &Name, found: ImageInspect) -> Present {
    let listed = found.repo_digests.unwrap_or_default();
    let pinned = name.digest().map(str::to_owned);
    let digest = pinned.or_else(|| name.digest_among(&listed));
    Present {
        image,
        // What only the engine has is pinned by its id, so that a revision does not change when the tag moves.
        digest: digest.or(found.id),
        config: found.config.map(config).unwrap_or_default(),
    }
}

fn config(config: bollard::models::ImageConfig) -> ImageConfig {
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let pair = |entry: String| match entry.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (entry, String::new()),
    };
    ImageConfig {
        entrypoint: config.entrypoint.unwrap_or_default(),
        cmd: config.cmd.unwrap_or_default(),
        env: config.env.into_iter().flatten().map(pair).collect(),
        working_dir: filled(config.working_dir),
        user: filled(config.user),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(os: &str, architecture: &str) -> OciPlatform {
        OciPlatform {
            os: Some(os.to_owned()),
            architecture: Some(architecture.to_owned()),
            ..OciPlatform::default()
        }
    }

    #[test]
    fn an_index_runs_where_it_has_an_entry() {
        let rows = [
            ("its own", vec![platform("linux", "amd64")], true),
            (
                "one of several",
                vec![platform("linux", "arm64"), platform("linux", "amd64")],
                true,
            ),
            ("another's", vec![platform("linux", "s390x")], false),
            (
                "another system's",
                vec![platform("windows", "amd64")],
                false,
            ),
            ("nobody's in particular", vec![platform("", "")], true),
            ("nothing said", vec![], true),
        ];
        for (row, platforms, want) in rows {
            assert_eq!(runs_on(&platforms, "amd64"), want, "{row}");
        }
    }

    #[test]
    fn an_engines_config_is_read() {
        let read = config(bollard::models::ImageConfig {
            entrypoint: Some(vec!["/app".to_owned()]),
            env: Some(vec!["A=1=2".to_owned(), "B".to_owned()]),
            user: Some(String::new()),
            working_dir: Some("/w".to_owned()),
            ..Default::default()
        });
        let want = ImageConfig {
            entrypoint: vec!["/app".to_owned()],
            cmd: Vec::new(),
            env: vec![
                ("A".to_owned(), "1=2".to_owned()),
                ("B".to_owned(), String::new()),
            ],
            working_dir: Some("/w".to_owned()),
            user: None,
        };
        assert_eq!(read, want);
    }
}
