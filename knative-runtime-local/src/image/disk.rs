//! The store on disk: `blobs/` executables by content, `manifests/` what to run by digest, `refs/` names.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use knative_core::object::ImageReference;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{format_digest, sha256};

/// An image in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageEntry {
    /// The full reference, with its tag.
    pub reference: String,
    /// `sha256:` and 64 hex digits.
    pub digest: String,
    /// The executable's size in bytes; `None` for what code registered.
    pub size: Option<u64>,
}

/// What an image runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The digest of the executable.
    executable: String,
    size: u64,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<(String, String)>,
}

/// What a reference stands for.
#[derive(Serialize, Deserialize)]
struct Ref {
    reference: String,
    manifest: String,
}

impl Ref {
    /// Whether it goes when `reference` is removed.
    fn is_meant_by(&self, reference: &ImageReference) -> bool {
        let Some(digest) = reference.digest() else {
            return self.reference == reference.to_string();
        };
        let own: Result<ImageReference, _> = self.reference.parse();
        self.manifest == digest && own.is_ok_and(|own| own.with_digest(digest) == *reference)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Disk {
    dir: PathBuf,
}

impl Disk {
    pub(super) fn open(dir: PathBuf) -> io::Result<Self> {
        for part in ["blobs", "manifests", "refs"] {
            fs::create_dir_all(dir.join(part))?;
        }
        Ok(Self { dir })
    }

    pub(super) fn executable(&self, manifest: &Manifest) -> PathBuf {
        self.dir.join("blobs").join(hex(&manifest.executable))
    }

    pub(super) fn add(
        &self,
        reference: &ImageReference,
        path: &Path,
        args: Vec<String>,
        env: Vec<(String, String)>,
    ) -> io::Result<(String, Manifest)> {
        let (executable, size) = self.take_in(path)?;
        let manifest = Manifest {
            executable,
            size,
            args,
            env,
        };
        let text = serde_json::to_vec(&manifest)?;
        let digest = sha256(&text);
        write_whole(&self.manifest_path(&digest), &text, 0o644)?;
        let entry = Ref {
            reference: reference.to_string(),
            manifest: digest.clone(),
        };
        write_whole(
            &self.ref_path(&entry.reference),
            &serde_json::to_vec(&entry)?,
            0o644,
        )?;
        Ok((digest, manifest))
    }

    /// Copies an executable under the name of its content.
    fn take_in(&self, path: &Path) -> io::Result<(String, u64)> {
        let metadata = fs::metadata(path)?;
        if !metadata.is_file() || metadata.permissions().mode() & 0o111 == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not an executable file",
            ));
        }
        let digest = hash_file(path)?;
        let blob = self.dir.join("blobs").join(hex(&digest));
        if !blob.exists() {
            let temporary = temporary(&blob);
            fs::copy(path, &temporary)?;
            fs::set_permissions(&temporary, fs::Permissions::from_mode(0o755))?;
            fs::rename(&temporary, &blob)?;
        }
        Ok((digest, metadata.len()))
    }

    /// What a reference stands for: the manifest's digest and the manifest.
    pub(super) fn find(
        &self,
        reference: &ImageReference,
    ) -> io::Result<Option<(String, Manifest)>> {
        let Some(digest) = self.digest(reference)? else {
            return Ok(None);
        };
        let manifest = self.manifest(&digest)?;
        Ok(manifest.map(|manifest| (digest, manifest)))
    }

    fn digest(&self, reference: &ImageReference) -> io::Result<Option<String>> {
        if let Some(digest) = reference.digest() {
            return Ok(Some(digest.to_owned()));
        }
        let entry: Option<Ref> = read_json(&self.ref_path(&reference.to_string()))?;
        Ok(entry.map(|entry| entry.manifest))
    }

    fn manifest(&self, digest: &str) -> io::Result<Option<Manifest>> {
        read_json(&self.manifest_path(digest))
    }

    pub(super) fn list(&self) -> io::Result<Vec<ImageEntry>> {
        let mut entries = Vec::new();
        for entry in self.refs()? {
            let manifest = self.manifest(&entry.manifest)?;
            entries.push(ImageEntry {
                reference: entry.reference,
                digest: entry.manifest,
                size: manifest.map(|manifest| manifest.size),
            });
        }
        Ok(entries)
    }

    /// Forgets a reference, or with a digest all of the repository's that mean it; `false` if there is none.
    pub(super) fn remove(&self, reference: &ImageReference) -> io::Result<bool> {
        let Some(digest) = self.digest(reference)? else {
            return Ok(false);
        };
        let (meant, others): (Vec<Ref>, Vec<Ref>) = self
            .refs()?
            .into_iter()
            .partition(|entry| entry.is_meant_by(reference));
        for entry in &meant {
            remove_file(&self.ref_path(&entry.reference))?;
        }
        let manifest = self.manifest(&digest)?;
        let known = manifest.is_some() || !meant.is_empty();
        if let Some(manifest) = manifest
            && !others.iter().any(|other| other.manifest == digest)
        {
            remove_file(&self.manifest_path(&digest))?;
            if !self.is_used(&others, &manifest)? {
                remove_file(&self.executable(&manifest))?;
            }
        }
        Ok(known)
    }

    fn is_used(&self, refs: &[Ref], manifest: &Manifest) -> io::Result<bool> {
        for entry in refs {
            let other = self.manifest(&entry.manifest)?;
            if other.is_some_and(|other| other.executable == manifest.executable) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn refs(&self) -> io::Result<Vec<Ref>> {
        let mut refs = Vec::new();
        for entry in fs::read_dir(self.dir.join("refs"))? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                refs.extend(read_json::<Ref>(&path)?);
            }
        }
        Ok(refs)
    }

    /// References hold characters that file names may not: their hash names the file.
    fn ref_path(&self, reference: &str) -> PathBuf {
        let name = sha256(reference.as_bytes());
        self.dir.join("refs").join(format!("{}.json", hex(&name)))
    }

    fn manifest_path(&self, digest: &str) -> PathBuf {
        self.dir.join("manifests").join(hex(digest))
    }
}

fn hex(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

fn temporary(path: &Path) -> PathBuf {
    path.with_extension(format!("tmp-{}", std::process::id()))
}

/// Writes a file that is there as a whole or not at all.
fn write_whole(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let temporary = temporary(path);
    let mut file = fs::File::create(&temporary)?;
    file.write_all(content)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    fs::rename(&temporary, path)
}

fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn hash_file(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(format_digest(hasher.finalize().as_ref()));
        }
        hasher.update(&buffer[..read]);
    }
}
