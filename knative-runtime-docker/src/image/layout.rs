//! The documents of an OCI layout, and which image of it is the engine's.

use std::{collections::BTreeMap, fmt, io};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// How large an index or a manifest may be: what registries accept.
pub(super) const DOCUMENT: u64 = 4 << 20;
/// Which image of an index has which name.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Marks entries that only describe another one.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
/// The full name, for engines that read `index.json`.
const IMAGE_NAME: &str = "io.containerd.image.name";

pub(super) const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
const INDEX_TYPES: [&str; 2] = [
    INDEX_TYPE,
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
const MANIFEST_TYPES: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
const CONFIG_TYPES: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];
const LAYER_TYPES: [&str; 6] = [
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
];

/// What is to be taken in is no image that can be used.
pub(super) fn broken(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

/// `sha256:` and 64 hexadecimal digits, the only digest that is read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Digest(String);

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        match text.strip_prefix("sha256:") {
            Some(hex) if hex.len() == 64 && hex.bytes().all(is_hex) => Ok(Self(text)),
            _ => Err(format!("{text:?} is no sha256 digest")),
        }
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Digest {
    /// The digest of what was hashed.
    pub(super) fn finish(hasher: Sha256) -> Self {
        use fmt::Write;
        let mut text = "sha256:".to_owned();
        for byte in hasher.finalize() {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// Where a layout keeps the content.
    pub(super) fn path(&self) -> String {
        format!("blobs/{}", self.0.replace(':', "/"))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Platform {
    #[serde(default)]
    pub(super) architecture: String,
    #[serde(default)]
    pub(super) os: String,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}

/// Says where some content is and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) platform: Option<Platform>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
}

impl Descriptor {
    pub(super) fn is_index(&self) -> bool {
        INDEX_TYPES.contains(&&*self.media_type)
    }

    fn is_image(&self) -> bool {
        self.is_index() || MANIFEST_TYPES.contains(&&*self.media_type)
    }

    fn is_attestation(&self) -> bool {
        self.annotations.contains_key(REFERENCE_TYPE)
    }

    /// The same under a name that engines give it.
    pub(super) fn named(&self, reference: &str) -> Self {
        let annotation = |key: &str| (key.to_owned(), reference.to_owned());
        Self {
            annotations: BTreeMap::from([annotation(IMAGE_NAME), annotation(REF_NAME)]),
            ..self.clone()
        }
    }
}

/// `index.json`, and what it may lead to.
#[derive(Debug, Deserialize)]
pub(super) struct Index {
    manifests: Vec<Descriptor>,
}

/// What is looked for in an index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) architecture: &'a str,
    pub(super) reference: &'a str,
}

impl Wanted<'_> {
    fn fits(&self, platform: &Platform) -> bool {
        platform.os == "linux" && platform.architecture == self.architecture
    }

    fn is_named(&self, entry: &Descriptor) -> bool {
        entry.annotations.get(REF_NAME).is_some_and(|name| {
            name == self.reference || self.reference.ends_with(&format!(":{name}"))
        })
    }
}

impl Index {
    /// The entry to go on with: one for the engine's platform, else one that names none; of several the one that has the
    /// wanted name, else the first, as the image specification has it.
    pub(super) fn choose(&self, wanted: Wanted<'_>) -> io::Result<&Descriptor> {
        let images = || {
            let entries = self.manifests.iter();
            entries.filter(|entry| entry.is_image() && !entry.is_attestation())
        };
        let exact =
            images().filter(|entry| entry.platform.as_ref().is_some_and(|p| wanted.fits(p)));
        let unsaid = images().filter(|entry| entry.platform.is_none());
        let mut fitting: Vec<&Descriptor> = exact.chain(unsaid).collect();
        // Stable: what was first among equals stays so.
        fitting.sort_by_key(|entry| !wanted.is_named(entry));
        let found = fitting.into_iter().next();
        found.ok_or_else(|| {
            broken(absent(
                images().filter_map(|entry| entry.platform.as_ref()),
                wanted,
            ))
        })
    }
}

fn absent<'a>(platforms: impl Iterator<Item = &'a Platform>, wanted: Wanted<'_>) -> String {
    let held: Vec<String> = platforms.map(Platform::to_string).collect();
    let held = match &*held {
        [] => "none at all".to_owned(),
        held => format!("for {} only", held.join(", ")),
    };
    format!(
        "it holds no image for linux/{}: {held}",
        wanted.architecture
    )
}

/// An image: its configuration and its layers.
#[derive(Debug, Deserialize)]
pub(super) struct Manifest {
    pub(super) config: Descriptor,
    pub(super) layers: Vec<Descriptor>,
}

impl Manifest {
    /// Whether every engine can read it.
    pub(super) fn check(&self) -> io::Result<()> {
        let kind = &self.config.media_type;
        if !CONFIG_TYPES.contains(&&**kind) {
            return Err(broken(format!("it is no image of a container but {kind}")));
        }
        for layer in &self.layers {
            let kind = &layer.media_type;
            if kind.ends_with("zstd") {
                return Err(broken(format!(
                    "layer {} is compressed with zstd: build it with gzip",
                    layer.digest
                )));
            }
            if !LAYER_TYPES.contains(&&**kind) {
                return Err(broken(format!("layer {} is of type {kind}", layer.digest)));
            }
        }
        Ok(())
    }
}

/// What must hold of an image's configuration.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    #[serde(flatten)]
    platform: Platform,
    rootfs: RootFs,
}

#[derive(Debug, Deserialize)]
struct RootFs {
    diff_ids: Vec<Digest>,
}

impl Config {
    /// Whether it is of the engine's platform and of this manifest.
    pub(super) fn check(&self, manifest: &Manifest, wanted: Wanted<'_>) -> io::Result<()> {
        if !wanted.fits(&self.platform) {
            return Err(broken(absent([&self.platform].into_iter(), wanted)));
        }
        let (layers, ids) = (manifest.layers.len(), self.rootfs.diff_ids.len());
        if layers != ids {
            return Err(broken(format!(
                "its manifest has {layers} layers and its configuration {ids}"
            )));
        }
        Ok(())
    }
}

/// Reads a document of a layout.
pub(super) fn parse<'a, T: Deserialize<'a>>(what: &str, document: &'a [u8]) -> io::Result<T> {
    serde_json::from_slice(document).map_err(|error| broken(format!("{what}: {error}")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const WANTED: Wanted<'static> = Wanted {
        architecture: "amd64",
        reference: "r.dev/app:1",
    };
    const OCI: &str = "application/vnd.oci.image.manifest.v1+json";

    fn digest(digit: char) -> String {
        format!("sha256:{}", digit.to_string().repeat(64))
    }

    fn entry(digit: char, media_type: &str, more: Value) -> Value {
        let mut entry = json!({"mediaType": media_type, "digest": digest(digit), "size": 1});
        if let (Some(entry), Value::Object(more)) = (entry.as_object_mut(), more) {
            entry.extend(more);
        }
        entry
    }

    fn on(architecture: &str) -> Value {
        json!({"platform": {"os": "linux", "architecture": architecture}})
    }

    fn choose(entries: &[Value]) -> Result<String, String> {
        let index: Index = serde_json::from_value(json!({"manifests": entries})).unwrap();
        let chosen = index.choose(WANTED).map_err(|error| error.to_string())?;
        Ok(chosen.digest.to_string())
    }

    #[test]
    fn the_engines_image_is_chosen() {
        let named = |name: &str| json!({"annotations": {REF_NAME: name}});
        let attestation = json!({"annotations": {REFERENCE_TYPE: "attestation-manifest"}});
        let rows = [
            ("the only one", vec![entry('a', OCI, json!({}))], 'a'),
            (
                "its architecture's",
                vec![entry('a', OCI, on("arm64")), entry('b', OCI, on("amd64"))],
                'b',
            ),
            (
                "a platform goes before none",
                vec![entry('a', OCI, json!({})), entry('b', OCI, on("amd64"))],
                'b',
            ),
            (
                "the first of equals",
                vec![entry('a', OCI, on("amd64")), entry('b', OCI, on("amd64"))],
                'a',
            ),
            (
                "the one with the tag's name",
                vec![entry('a', OCI, named("2")), entry('b', OCI, named("1"))],
                'b',
            ),
            (
                "the one with the whole name",
                vec![
                    entry('a', OCI, json!({})),
                    entry('b', OCI, named("r.dev/app:1")),
                ],
                'b',
            ),
            (
                "an index within",
                vec![entry('a', INDEX_TYPE, json!({}))],
                'a',
            ),
            (
                "no attestation",
                vec![entry('a', OCI, attestation), entry('b', OCI, json!({}))],
                'b',
            ),
        ];
        for (row, entries, want) in rows {
            assert_eq!(choose(&entries), Ok(digest(want)), "{row}");
        }
    }

    #[test]
    fn an_index_without_the_engines_image_says_what_it_holds() {
        let rows = [
            (
                vec![entry('a', OCI, on("arm64")), entry('b', OCI, on("s390x"))],
                "it holds no image for linux/amd64: for linux/arm64, linux/s390x only",
            ),
            (vec![], "it holds no image for linux/amd64: none at all"),
            (
                vec![entry(
                    'a',
                    "application/vnd.cncf.helm.config.v1+json",
                    json!({}),
                )],
                "it holds no image for linux/amd64: none at all",
            ),
        ];
        for (entries, want) in rows {
            assert_eq!(choose(&entries), Err(want.to_owned()));
        }
    }

    #[test]
    fn manifests_that_engines_cannot_read_are_refused() {
        let config = entry('c', CONFIG_TYPES[0], json!({}));
        let rows = [
            ("gzip", config.clone(), LAYER_TYPES[1], None),
            (
                "zstd",
                config,
                "application/vnd.oci.image.layer.v1.tar+zstd",
                Some("zstd"),
            ),
            (
                "no image",
                entry('c', "application/vnd.oci.empty.v1+json", json!({})),
                LAYER_TYPES[0],
                Some("no image of a container"),
            ),
            (
                "a layer of something else",
                entry('c', CONFIG_TYPES[1], json!({})),
                "text/plain",
                Some("text/plain"),
            ),
        ];
        for (row, config, layer, want) in rows {
            let manifest = json!({"config": config, "layers": [entry('1', layer, json!({}))]});
            let manifest: Manifest = serde_json::from_value(manifest).unwrap();
            let refused = manifest.check().err().map(|error| error.to_string());
            match want {
                None => assert_eq!(refused, None, "{row}"),
                Some(want) => assert!(refused.is_some_and(|said| said.contains(want)), "{row}"),
            }
        }
    }

    #[test]
    fn digests_that_could_lead_elsewhere_are_refused() {
        let long = format!("sha256:{}", "A".repeat(64));
        for text in [
            "sha256:../../etc/passwd",
            "sha512:aa",
            "sha256:",
            "",
            &*long,
        ] {
            assert!(Digest::try_from(text.to_owned()).is_err(), "{text}");
        }
        let empty = Digest::finish(Sha256::new());
        assert_eq!(
            empty.path(),
            "blobs/sha256/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
