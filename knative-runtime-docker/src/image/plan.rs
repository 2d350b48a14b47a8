//! What of an archive goes to the engine.

use std::{
    collections::BTreeSet,
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    archive::{Entry, Files, Next},
    layout::{
        Config, DOCUMENT, Descriptor, Digest, INDEX_TYPE, Index, Manifest, Wanted, broken, parse,
    },
};

/// How deep indices may lie within each other.
const DEPTH: usize = 4;

const LAYOUT: &str = "oci-layout";
const INDEX: &str = "index.json";
/// What `docker load` looks for.
const ARCHIVE: &str = "manifest.json";
/// The names of an archive before there was [`ARCHIVE`].
const REPOSITORIES: &str = "repositories";

/// How an image is handed to the engine, in a tar.
#[derive(Debug)]
pub(super) struct Plan {
    files: Files,
    content: Content,
    /// The documents that name the content. They come last: the engine takes in nothing unless all went well.
    documents: Vec<(&'static str, Vec<u8>)>,
}

#[derive(Debug)]
enum Content {
    /// Blobs of a layout, each checked.
    Blobs(Vec<Descriptor>),
    /// Whatever an archive holds.
    Everything,
}

impl Plan {
    /// Reads the documents of a layout or an archive.
    pub(super) fn read(path: &Path, wanted: Wanted<'_>) -> io::Result<Self> {
        let files = Files::open(path)?;
        if files.document(LAYOUT)?.is_some() {
            return Self::of_layout(files, wanted);
        }
        match files.document(ARCHIVE)? {
            Some(manifest) => Self::of_archive(files, &manifest, wanted.reference),
            None => Err(broken(
                "it is neither an OCI layout nor an archive of docker save: \
                 neither oci-layout nor manifest.json is in it",
            )),
        }
    }

    fn of_layout(files: Files, wanted: Wanted<'_>) -> io::Result<Self> {
        let descriptor = find(&files, wanted)?;
        let document = verified(&files, &descriptor)?;
        let manifest: Manifest = parse("its manifest", &document)?;
        manifest.check()?;
        let config: Config = parse("its configuration", &verified(&files, &manifest.config)?)?;
        config.check(&manifest, wanted)?;
        let documents = documents(&descriptor, &manifest, wanted.reference);
        let mut blobs = vec![descriptor, manifest.config];
        blobs.extend(manifest.layers);
        Ok(Self {
            files,
            content: Content::Blobs(blobs),
            documents,
        })
    }

    /// The same archive under another name: its own could be anyone's.
    fn of_archive(files: Files, manifest: &[u8], reference: &str) -> io::Result<Self> {
        let mut images: Vec<serde_json::Map<String, Value>> = parse(ARCHIVE, manifest)?;
        let [image] = &mut *images else {
            return Err(broken(format!("it holds {} images, not one", images.len())));
        };
        image.insert("RepoTags".to_owned(), json!([reference]));
        Ok(Self {
            documents: vec![(ARCHIVE, json!(images).to_string().into_bytes())],
            files,
            content: Content::Everything,
        })
    }

    /// Writes the tar.
    pub(super) fn write(&self, out: impl io::Write) -> io::Result<()> {
        let mut tar = tar::Builder::new(out);
        match &self.content {
            Content::Blobs(blobs) => write_blobs(&self.files, blobs, &mut tar)?,
            Content::Everything => self.files.all(&mut |entry| copy(entry, &mut tar))?,
        }
        for (path, document) in &self.documents {
            append(&mut tar, path, document.len() as u64, &**document)?;
        }
        tar.into_inner()?.flush()
    }
}

/// The manifest of the wanted image.
fn find(files: &Files, wanted: Wanted<'_>) -> io::Result<Descriptor> {
    let document = files.document(INDEX)?;
    let mut document = document.ok_or_else(|| broken("index.json is missing"))?;
    for _ in 0..DEPTH {
        let index: Index = parse("its index", &document)?;
        let found = index.choose(wanted)?;
        if !found.is_index() {
            return Ok(found.clone());
        }
        document = verified(files, found)?;
    }
    Err(broken(format!("its indices are more than {DEPTH} deep")))
}

/// A blob that is a document.
fn verified(files: &Files, descriptor: &Descriptor) -> io::Result<Vec<u8>> {
    let Descriptor { digest, size, .. } = descriptor;
    if *size > DOCUMENT {
        return Err(broken(format!(
            "blob {digest} has {size} bytes, more than {DOCUMENT}"
        )));
    }
    let document = files.document(&digest.path())?;
    let document = document.ok_or_else(|| missing(digest))?;
    let mut checked = Vec::new();
    Verified::new(descriptor, document.len() as u64, &*document)?.read_to_end(&mut checked)?;
    Ok(checked)
}

fn missing(digest: &Digest) -> io::Error {
    broken(format!("blob {digest} is missing"))
}

/// `manifest.json` for engines that read only that, and the layout's own for those that keep digests.
fn documents(
    descriptor: &Descriptor,
    manifest: &Manifest,
    reference: &str,
) -> Vec<(&'static str, Vec<u8>)> {
    let layers: Vec<String> = manifest
        .layers
        .iter()
        .map(|layer| layer.digest.path())
        .collect();
    let archive = json!([{
        "Config": manifest.config.digest.path(),
        "RepoTags": [reference],
        "Layers": layers,
    }]);
    let index = json!({
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": [descriptor.named(reference)],
    });
    let layout = json!({"imageLayoutVersion": "1.0.0"});
    let text = |document: Value| document.to_string().into_bytes();
    vec![
        (LAYOUT, text(layout)),
        (INDEX, text(index)),
        (ARCHIVE, text(archive)),
    ]
}

fn write_blobs<W: io::Write>(
    files: &Files,
    blobs: &[Descriptor],
    tar: &mut tar::Builder<W>,
) -> io::Result<()> {
    let mut left: BTreeSet<String> = blobs.iter().map(|blob| blob.digest.path()).collect();
    files.each(&left.clone(), &mut |entry| {
        left.remove(&entry.path);
        let of_entry = |blob: &&Descriptor| blob.digest.path() == entry.path;
        let blob = blobs.iter().find(of_entry);
        let blob = blob.ok_or_else(|| broken(format!("{} was not asked for", entry.path)))?;
        let content = Verified::new(blob, entry.size, entry.content)?;
        append(tar, &entry.path, blob.size, content)
    })?;
    match blobs.iter().find(|blob| left.contains(&blob.digest.path())) {
        Some(blob) => Err(missing(&blob.digest)),
        None => Ok(()),
    }
}

/// Passes on what an archive holds, its names for images aside.
fn copy<W: io::Write>(entry: Entry<'_>, tar: &mut tar::Builder<W>) -> io::Result<Next> {
    let Entry {
        path,
        kind,
        link,
        size,
        content,
    } = entry;
    if [ARCHIVE, REPOSITORIES].contains(&&*path) {
        return Ok(Next::Go);
    }
    if kind.is_dir() {
        // Files say in which directory they are.
        return Ok(Next::Go);
    }
    match (kind, link) {
        (tar::EntryType::Regular, _) => append(tar, &path, size, Whole::new(&path, size, content))?,
        (tar::EntryType::Symlink | tar::EntryType::Link, Some(target)) => {
            let base = match kind {
                tar::EntryType::Symlink => Path::new(&path).parent(),
                _ => None,
            };
            stays_within(base.unwrap_or(Path::new("")), &target)?;
            let mut header = header(0);
            header.set_entry_type(kind);
            tar.append_link(&mut header, &path, &target)?;
        }
        _ => return Err(broken(format!("{path} is neither a file nor a link"))),
    }
    Ok(Next::Go)
}

/// Whether a link leads to a place in the archive.
fn stays_within(base: &Path, target: &Path) -> io::Result<()> {
    let mut at = PathBuf::from(base);
    for component in target.components() {
        let stays = match component {
            Component::CurDir => true,
            Component::Normal(part) => {
                at.push(part);
                true
            }
            Component::ParentDir => at.pop(),
            _ => false,
        };
        if !stays {
            return Err(broken(format!(
                "a link to {} leads out of the archive",
                target.display()
            )));
        }
    }
    Ok(())
}

fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header
}

fn append<W: io::Write>(
    tar: &mut tar::Builder<W>,
    path: &str,
    size: u64,
    content: impl Read,
) -> io::Result<()> {
    tar.append_data(&mut header(size), path, content)
}

/// Reads exactly what was announced.
struct Whole<'a, R> {
    what: &'a str,
    left: u64,
    content: R,
}

impl<'a, R: Read> Whole<'a, R> {
    fn new(what: &'a str, left: u64, content: R) -> Self {
        Self {
            what,
            left,
            content,
        }
    }
}

impl<R: Read> Read for Whole<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = self.content.read(&mut buffer[..room])?;
        if read == 0 && room > 0 {
            return Err(broken(format!("{} is cut off", self.what)));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// Reads a blob and refuses its end if it is not what its descriptor says.
struct Verified<'a, R> {
    digest: &'a Digest,
    hasher: Option<Sha256>,
    content: Whole<'a, R>,
}

impl<'a, R: Read> Verified<'a, R> {
    fn new(descriptor: &'a Descriptor, size: u64, content: R) -> io::Result<Self> {
        let Descriptor { digest, .. } = descriptor;
        if size != descriptor.size {
            return Err(broken(format!(
                "blob {digest} has {size} bytes instead of {}",
                descriptor.size
            )));
        }
        Ok(Self {
            digest,
            hasher: Some(Sha256::new()),
            content: Whole::new("a blob", size, content),
        })
    }
}

impl<R: Read> Read for Verified<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.content.left == 0 {
            let hasher = self.hasher.take();
            return match hasher.map(Digest::finish) {
                Some(digest) if digest != *self.digest => Err(broken(format!(
                    "blob {} is of another content",
                    self.digest
                ))),
                _ => Ok(0),
            };
        }
        let read = self.content.read(buffer)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..read]);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
