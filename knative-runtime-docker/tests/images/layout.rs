//! OCI layouts as builds write them.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The media type of a manifest.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an index.
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of a gzipped layer.
pub(crate) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// A layout in a directory.
pub(crate) struct Layout {
    dir: tempfile::TempDir,
}

impl Layout {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("blobs/sha256")).unwrap();
        let layout = Self { dir };
        layout.write("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
        layout
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, path: &str, content: &[u8]) {
        fs::write(self.dir.path().join(path), content).unwrap();
    }

    /// Where a descriptor's blob is.
    pub(crate) fn file(&self, descriptor: &Value) -> PathBuf {
        let digest = descriptor["digest"].as_str().unwrap();
        self.dir
            .path()
            .join(format!("blobs/{}", digest.replace(':', "/")))
    }

    /// Adds a blob and answers with its descriptor.
    pub(crate) fn blob(&self, media_type: &str, content: &[u8]) -> Value {
        let digest = digest(content);
        let descriptor = json!({"mediaType": media_type, "digest": digest, "size": content.len()});
        fs::write(self.file(&descriptor), content).unwrap();
        descriptor
    }

    pub(crate) fn json(&self, media_type: &str, content: &Value) -> Value {
        self.blob(media_type, content.to_string().as_bytes())
    }

    /// Adds a gzipped layer with one file; answers with its descriptor and its id.
    pub(crate) fn layer(&self, content: &str) -> (Value, String) {
        let plain = tar_of_one("file", content.as_bytes());
        (self.blob(LAYER, &gzip(&plain)), digest(&plain))
    }

    /// Adds an image; answers with the descriptor of its manifest.
    pub(crate) fn image(&self, architecture: &str, content: &str) -> Value {
        let (layer, id) = self.layer(content);
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": ["/app"], "Env": ["A=1"]},
            "rootfs": {"type": "layers", "diff_ids": [id]},
            "history": [{"created": "2026-01-01T00:00:00Z"}],
        });
        self.manifest(&self.json(CONFIG, &config), &[layer])
    }

    pub(crate) fn manifest(&self, config: &Value, layers: &[Value]) -> Value {
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config,
            "layers": layers,
        });
        self.json(MANIFEST, &manifest)
    }

    /// What a descriptor of a document leads to.
    pub(crate) fn read(&self, descriptor: &Value) -> Value {
        serde_json::from_slice(&fs::read(self.file(descriptor)).unwrap()).unwrap()
    }

    pub(crate) fn index(&self, manifests: &[Value]) {
        let index = json!({"schemaVersion": 2, "manifests": manifests});
        self.write("index.json", index.to_string().as_bytes());
    }

    /// The layout as a tar.
    pub(crate) fn tar(&self) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        builder.append_dir_all(".", self.path()).unwrap();
        builder.into_inner().unwrap()
    }
}

/// The same entry for a platform.
pub(crate) fn on(architecture: &str, mut entry: Value) -> Value {
    entry["platform"] = json!({"os": "linux", "architecture": architecture});
    entry
}

pub(crate) fn tar_of_one(path: &str, content: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, path, content).unwrap();
    builder.into_inner().unwrap()
}

pub(crate) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn digest(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    let hex: Vec<String> = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", hex.concat())
}
