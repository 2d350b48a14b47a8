//! Taking in what a build made.

use std::{
    io,
    path::{Path, PathBuf},
};

use bollard::{errors::Error, query_parameters::ImportImageOptionsBuilder};
use knative_core::runtime::{ImageError, ResolvedImage};
use tokio::{io::duplex, task::spawn_blocking};
use tokio_util::io::{ReaderStream, SyncIoBridge};

use super::{
    DockerImages,
    layout::Wanted,
    name::Name,
    plan::Plan,
    pull::{STALL, follow},
    refusal::{Failure, Meaning, invalid},
};

/// How much lies between the disk and the engine.
const PIPE: usize = 256 << 10;

impl DockerImages {
    pub(super) async fn import_now(
        &self,
        reference: &str,
        path: &Path,
    ) -> Result<ResolvedImage, ImageError> {
        let name = Name::parse(reference).map_err(|error| invalid(reference, &error))?;
        if name.digest().is_some() {
            return Err(ImageError::Invalid {
                reference: reference.to_owned(),
                message: "an image is taken in under a tag; its digest follows from it".to_owned(),
            });
        }
        let plan = self.plan(name.for_engine(), path.to_owned()).await;
        let plan = plan.map_err(|error| unreadable(reference, error))?;
        self.load(reference, plan).await?;
        let resolved = self.resolve_here(reference, &name).await?;
        resolved.ok_or_else(|| ImageError::Unavailable {
            message: format!("{reference} was taken in and is not there"),
            source: None,
        })
    }

    async fn plan(&self, image: String, path: PathBuf) -> io::Result<Plan> {
        let architecture = self.engine.architecture().to_owned();
        let reading = spawn_blocking(move || {
            let wanted = Wanted {
                architecture: &architecture,
                reference: &image,
            };
            Plan::read(&path, wanted)
        });
        reading.await?
    }

    async fn load(&self, reference: &str, plan: Plan) -> Result<(), ImageError> {
        let (ours, theirs) = duplex(PIPE);
        let ours = SyncIoBridge::new(ours);
        // Ends when `theirs` is dropped, so a load that is given up leaves no thread behind.
        let writing = spawn_blocking(move || plan.write(ours));
        let options = ImportImageOptionsBuilder::default().build();
        let body = ReaderStream::new(theirs);
        let progress = self.docker.import_image_stream(options, body, None);
        let answer = follow(progress, STALL, |_| {}).await;
        let written = writing.await.map_err(io::Error::from).flatten();
        match (written, answer) {
            // The engine stopped reading, and says why.
            (Err(error), Err(failure)) if error.kind() == io::ErrorKind::BrokenPipe => {
                Err(refused(reference, failure))
            }
            (Err(error), _) => Err(unreadable(reference, error)),
            (Ok(()), Err(failure)) => Err(refused(reference, failure)),
            (Ok(()), Ok(())) => Ok(()),
        }
    }
}

/// What went wrong on our side: the content, or the disk.
fn unreadable(reference: &str, error: io::Error) -> ImageError {
    use io::ErrorKind::{InvalidData, InvalidInput, NotFound, Other, UnexpectedEof};
    match error.kind() {
        // The tar reader calls all that it refuses `Other`.
        InvalidData | InvalidInput | NotFound | Other | UnexpectedEof => ImageError::BadManifest {
            reference: reference.to_owned(),
            message: error.to_string(),
        },
        _ => ImageError::Unavailable {
            message: format!("taking in {reference}"),
            source: Some(Box::new(error)),
        },
    }
}

/// What the engine says while it loads is about what it was given.
fn refused(reference: &str, failure: Failure) -> ImageError {
    match &failure {
        Failure::Engine(Error::DockerStreamError { error })
            if failure.meaning() != Meaning::NoSpace =>
        {
            ImageError::BadManifest {
                reference: reference.to_owned(),
                message: error.clone(),
            }
        }
        _ => failure.into_image_error(reference),
    }
}
