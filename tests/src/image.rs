//! Images for tests, as the archives that `docker save` writes: every engine that speaks Docker's language takes them.

use std::{fmt::Write as _, io};

use bollard::{Docker, body_full, query_parameters::ImportImageOptionsBuilder};
use futures::TryStreamExt as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

/// How an image starts, in the words of a Dockerfile.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// `ENTRYPOINT`.
    pub entrypoint: Vec<String>,
    /// `CMD`.
    pub arguments: Vec<String>,
    /// `USER`.
    pub user: Option<String>,
}

/// Makes an image whose one layer is a tar.
///
/// # Errors
/// The engine's.
pub(crate) async fn load(
    docker: &Docker,
    reference: &str,
    layer: &[u8],
    start: &Start,
) -> io::Result<()> {
    let body = body_full(archive(reference, layer, start)?.into());
    let options = ImportImageOptionsBuilder::default().build();
    let loaded = docker.import_image(options, body, None);
    let loaded = loaded.try_for_each(|_| async { Ok(()) }).await;
    loaded.map_err(io::Error::other)
}

fn archive(reference: &str, layer: &[u8], start: &Start) -> io::Result<Vec<u8>> {
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(layer) {
        write!(digest, "{byte:02x}").map_err(io::Error::other)?;
    }
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "config": {
            "Entrypoint": start.entrypoint,
            "Cmd": start.arguments,
            "User": start.user.as_deref().unwrap_or_default(),
        },
        "rootfs": { "type": "layers", "diff_ids": [digest] },
    });
    // A port has a colon too, but not behind the last slash.
    let name = reference.rsplit('/').next().unwrap_or(reference);
    let tag = if name.contains(':') { "" } else { ":latest" };
    let manifest = json!([{
        "Config": "config.json",
        "RepoTags": [format!("{reference}{tag}")],
        "Layers": ["layer.tar"],
    }]);
    let mut archive = Builder::new(Vec::new());
    let manifest = manifest.to_string();
    add(&mut archive, "manifest.json", 0o644, manifest.as_bytes())?;
    let config = config.to_string();
    add(&mut archive, "config.json", 0o644, config.as_bytes())?;
    add(&mut archive, "layer.tar", 0o644, layer)?;
    archive.into_inner()
}

/// Adds a file.
pub(crate) fn add(
    archive: &mut Builder<Vec<u8>>,
    path: &str,
    mode: u32,
    content: &[u8],
) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    archive.append_data(&mut header, path, content)
}
