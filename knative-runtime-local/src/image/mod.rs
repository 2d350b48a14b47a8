//! What image references mean on this machine: executables in a content-addressed store, and what code registers.

mod disk;

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use knative_core::{
    http::HttpService,
    object::ImageReference,
    runtime::{ImageConfig, ImageError, ImageStore, PullSecret, ResolvedImage},
};
use parking_lot::RwLock;
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

pub use self::disk::ImageEntry;
use self::disk::{Disk, Manifest};

/// What an image runs.
#[derive(Clone)]
pub(crate) enum Program {
    /// A service in this process.
    Function(HttpService),
    /// A process.
    Command(Command),
}

/// An executable with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) path: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function(_) => f.write_str("Function"),
            Self::Command(command) => f.debug_tuple("Command").field(command).finish(),
        }
    }
}

/// Something that code registered under a reference.
#[derive(Clone, Debug)]
struct Registered {
    digest: String,
    program: Program,
}

/// The images of this machine. Clones share them; another process may add to the same directory meanwhile.
#[derive(Clone, Debug)]
pub struct LocalImages {
    disk: Disk,
    registered: Arc<RwLock<BTreeMap<String, Registered>>>,
}

impl LocalImages {
    /// The store in `dir`, which is made if it is not there.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn open(dir: impl Into<PathBuf>) -> io::Result<Self> {
        Ok(Self {
            disk: Disk::open(dir.into())?,
            registered: Arc::default(),
        })
    }

    /// Registers a service of this process under a reference.
    ///
    /// # Errors
    /// [`ImageError::Invalid`].
    pub fn register_function(
        &self,
        reference: &str,
        service: HttpService,
    ) -> Result<(), ImageError> {
        self.register(reference, "function", Program::Function(service))
    }

    /// Registers an executable that is already on this machine, where it is.
    ///
    /// # Errors
    /// [`ImageError::Invalid`].
    pub fn register_command(
        &self,
        reference: &str,
        path: &Path,
        args: &[&str],
    ) -> Result<(), ImageError> {
        let command = Command {
            path: path.to_owned(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: Vec::new(),
        };
        let identity = format!("command {command:?}");
        self.register(reference, &identity, Program::Command(command))
    }

    fn register(
        &self,
        reference: &str,
        identity: &str,
        program: Program,
    ) -> Result<(), ImageError> {
        let parsed = parse(reference)?;
        let digest = sha256(format!("{parsed} {identity}").as_bytes());
        self.registered
            .write()
            .insert(parsed.to_string(), Registered { digest, program });
        Ok(())
    }

    /// Copies an executable into the store under a reference, with arguments and variables of its own.
    ///
    /// # Errors
    /// [`ImageError::Invalid`] for a bad reference or something that cannot be executed, [`ImageError::Unavailable`].
    pub fn add(
        &self,
        reference: &str,
        path: &Path,
        args: Vec<String>,
        env: Vec<(String, String)>,
    ) -> Result<ResolvedImage, ImageError> {
        let parsed = parse(reference)?;
        let manifest =
            self.disk
                .add(&parsed, path, args, env)
                .map_err(|error| match error.kind() {
                    io::ErrorKind::InvalidInput | io::ErrorKind::NotFound => ImageError::Invalid {
                        reference: reference.to_owned(),
                        message: format!("{}: {error}", path.display()),
                    },
                    _ => unavailable(error),
                })?;
        Ok(resolved(&parsed, manifest))
    }

    /// All references and what they stand for.
    ///
    /// # Errors
    /// [`ImageError::Unavailable`].
    pub fn list(&self) -> Result<Vec<ImageEntry>, ImageError> {
        let mut entries = self.disk.list().map_err(unavailable)?;
        entries.extend(
            self.registered
                .read()
                .iter()
                .map(|(reference, registered)| ImageEntry {
                    reference: reference.clone(),
                    digest: registered.digest.clone(),
                    size: None,
                }),
        );
        entries.sort_by(|a, b| a.reference.cmp(&b.reference));
        Ok(entries)
    }

    /// Forgets a reference (with a digest: all of its repository that mean it), and the executable if no other reference
    /// means it.
    ///
    /// # Errors
    /// [`ImageError::NotFound`], [`ImageError::Unavailable`]; [`ImageError::Unsupported`] for what code registered.
    pub fn remove(&self, reference: &str) -> Result<(), ImageError> {
        let parsed = parse(reference)?;
        if self.find_registered(&parsed).is_some() {
            return Err(ImageError::Unsupported {
                what: "removing an image that is built in",
            });
        }
        let removed = self.disk.remove(&parsed).map_err(unavailable)?;
        if removed {
            Ok(())
        } else {
            Err(not_found(reference))
        }
    }

    /// What code registered under a reference (by tag or by digest). Looks in memory only.
    pub(crate) fn registered(&self, reference: &str) -> Result<Option<Program>, ImageError> {
        let registered = self.find_registered(&parse(reference)?);
        Ok(registered.map(|registered| registered.program))
    }

    /// What a reference (by tag or by digest) runs that was added to the store on disk.
    pub(crate) fn added(&self, reference: &str) -> Result<Program, ImageError> {
        let parsed = parse(reference)?;
        let (_, manifest) = self.find(&parsed)?.ok_or_else(|| not_found(reference))?;
        Ok(Program::Command(Command {
            path: self.disk.executable(&manifest),
            args: manifest.args,
            env: manifest.env,
        }))
    }

    fn find(&self, parsed: &ImageReference) -> Result<Option<(String, Manifest)>, ImageError> {
        self.disk.find(parsed).map_err(unavailable)
    }

    fn find_registered(&self, parsed: &ImageReference) -> Option<Registered> {
        let registered = self.registered.read();
        if let Some(digest) = parsed.digest() {
            return registered
                .values()
                .find(|registered| registered.digest == digest)
                .cloned();
        }
        registered.get(&parsed.to_string()).cloned()
    }

    fn resolve_now(&self, reference: &str) -> Result<ResolvedImage, ImageError> {
        let parsed = parse(reference)?;
        if let Some(registered) = self.find_registered(&parsed) {
            return Ok(ResolvedImage {
                digest: Some(parsed.with_digest(registered.digest).to_string()),
                config: ImageConfig::default(),
            });
        }
        let found = self.find(&parsed)?.ok_or_else(|| not_found(reference))?;
        Ok(resolved(&parsed, found))
    }
}

#[async_trait]
impl ImageStore for LocalImages {
    async fn resolve(
        &self,
        reference: &str,
        _: &[PullSecret],
        timeout: Duration,
    ) -> Result<ResolvedImage, ImageError> {
        let (images, owned) = (self.clone(), reference.to_owned());
        let resolving = spawn_blocking(move || images.resolve_now(&owned));
        match tokio::time::timeout(timeout, resolving).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => Err(unavailable(io::Error::other(error))),
            Err(_) => Err(unavailable(io::ErrorKind::TimedOut.into())),
        }
    }

    async fn import(&self, reference: &str, path: &Path) -> Result<ResolvedImage, ImageError> {
        let (images, reference, path) = (self.clone(), reference.to_owned(), path.to_owned());
        let adding = spawn_blocking(move || images.add(&reference, &path, Vec::new(), Vec::new()));
        adding
            .await
            .unwrap_or_else(|error| Err(unavailable(io::Error::other(error))))
    }
}

fn parse(reference: &str) -> Result<ImageReference, ImageError> {
    reference.parse().map_err(
        |error: knative_core::object::ParseImageError| ImageError::Invalid {
            reference: reference.to_owned(),
            message: error.to_string(),
        },
    )
}

fn resolved(parsed: &ImageReference, (digest, manifest): (String, Manifest)) -> ResolvedImage {
    ResolvedImage {
        digest: Some(parsed.with_digest(digest).to_string()),
        config: ImageConfig {
            cmd: manifest.args,
            env: manifest.env,
            ..ImageConfig::default()
        },
    }
}

fn not_found(reference: &str) -> ImageError {
    ImageError::NotFound {
        reference: reference.to_owned(),
        hint: format!("add it with `platform-local image add {reference} PATH`"),
    }
}

fn unavailable(error: io::Error) -> ImageError {
    ImageError::Unavailable {
        message: "the image directory cannot be used".to_owned(),
        source: Some(Box::new(error)),
    }
}

/// `sha256:` and 64 hex digits.
fn sha256(bytes: &[u8]) -> String {
    format_digest(Sha256::digest(bytes).as_ref())
}

fn format_digest(hash: &[u8]) -> String {
    use fmt::Write;
    let mut text = "sha256:".to_owned();
    for byte in hash {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests;
