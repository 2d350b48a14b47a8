//! References to images, read as loosely as Knative reads them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

const DEFAULT_REGISTRY: &str = "index.docker.io";
const DEFAULT_REGISTRY_ALIAS: &str = "docker.io";
const DEFAULT_NAMESPACE: &str = "library";
const DEFAULT_TAG: &str = "latest";

/// The text is not a reference to an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not parse reference: {0}")]
pub struct ParseImageError(String);

/// Where an image is: a repository in a registry, and in it a tag or a digest. Reads what go-containerregistry reads.
///
/// ```
/// use knative_core::object::ImageReference;
///
/// let image: ImageReference = "registry.acme.dev:5000/team/app".parse()?;
/// assert_eq!(image.registry(), "registry.acme.dev:5000");
/// assert_eq!(image.to_string(), "registry.acme.dev:5000/team/app:latest");
/// # Ok::<(), knative_core::object::ParseImageError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageReference {
    registry: String,
    repository: String,
    identifier: Identifier,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Identifier {
    Tag(String),
    Digest(String),
}

impl ImageReference {
    /// The host, with a port if one is given; Docker Hub's if none is named.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path within the registry; on Docker Hub a single name is below `library/`.
    pub fn repository(&self) -> String {
        if self.registry == DEFAULT_REGISTRY && !self.repository.contains('/') {
            return format!("{DEFAULT_NAMESPACE}/{}", self.repository);
        }
        self.repository.clone()
    }

    /// The tag or the digest.
    pub fn identifier(&self) -> &str {
        match &self.identifier {
            Identifier::Tag(text) | Identifier::Digest(text) => text,
        }
    }

    /// The tag, `latest` if the text named neither tag nor digest.
    pub fn tag(&self) -> Option<&str> {
        match &self.identifier {
            Identifier::Tag(tag) => Some(tag),
            Identifier::Digest(_) => None,
        }
    }

    /// The digest, `sha256:` and 64 hexadecimal digits.
    pub fn digest(&self) -> Option<&str> {
        match &self.identifier {
            Identifier::Tag(_) => None,
            Identifier::Digest(digest) => Some(digest),
        }
    }

    /// The same repository at this digest.
    #[must_use]
    pub fn with_digest(&self, digest: impl Into<String>) -> Self {
        Self {
            identifier: Identifier::Digest(digest.into()),
            ..self.clone()
        }
    }

    /// `http` for registries on this machine, in a private network or below `.local`, else `https`.
    pub fn scheme(&self) -> &'static str {
        if is_private(&self.registry) || is_local(&self.registry) {
            "http"
        } else {
            "https"
        }
    }
}

fn is_private(registry: &str) -> bool {
    let host = registry.split(':').next().unwrap_or_default();
    matches!(host.parse(), Ok(IpAddr::V4(address)) if address.is_private())
}

fn is_local(registry: &str) -> bool {
    let host = match registry.rsplit_once(':') {
        Some((host, port)) if is_port(port) && (1..=5).contains(&port.len()) => host,
        _ => registry,
    };
    let is_local_name = |(_, suffix)| matches!(suffix, "local" | "localhost");
    registry.starts_with("localhost:")
        || host.rsplit_once('.').is_some_and(is_local_name)
        || registry.contains("127.0.0.1")
        || registry.contains("::1")
}

impl FromStr for ImageReference {
    type Err = ParseImageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = tagged(text).or_else(|| digested(text));
        parsed.ok_or_else(|| ParseImageError(text.to_owned()))
    }
}

/// `repository[:tag]`. What follows the last colon is no tag if it holds a slash: then the colon was a port's.
fn tagged(text: &str) -> Option<ImageReference> {
    let (base, tag) = match text.rsplit_once(':') {
        Some((base, tag)) if !tag.contains('/') => (base, tag),
        _ => (text, ""),
    };
    if !tag.is_empty() && !is_tag(tag) {
        return None;
    }
    let tag = if tag.is_empty() { DEFAULT_TAG } else { tag };
    reference(base, Identifier::Tag(tag.to_owned()))
}

/// `repository[:tag]@sha256:…`; the tag is dropped.
fn digested(text: &str) -> Option<ImageReference> {
    let (base, digest) = text.split_once('@')?;
    let hex = digest.strip_prefix("sha256:")?;
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if hex.len() != 64 || !hex.bytes().all(is_hex) {
        return None;
    }
    let identifier = Identifier::Digest(digest.to_owned());
    match tagged(base) {
        Some(tagged) => Some(ImageReference {
            identifier,
            ..tagged
        }),
        None => reference(base, identifier),
    }
}

/// What is before the first slash names a registry if it holds a dot or a colon.
fn reference(text: &str, identifier: Identifier) -> Option<ImageReference> {
    let (registry, repository) = match text.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) => (host, path),
        _ => ("", text),
    };
    let is_path = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '.' | '/')
    };
    if !(2..=255).contains(&repository.len()) || !repository.chars().all(is_path) {
        return None;
    }
    let registry = match registry {
        "" | DEFAULT_REGISTRY_ALIAS => DEFAULT_REGISTRY,
        named if is_authority(named) => named,
        _ => return None,
    };
    Some(ImageReference {
        registry: registry.to_owned(),
        repository: repository.to_owned(),
        identifier,
    })
}

fn is_tag(tag: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    tag.len() <= 128 && tag.chars().all(is_part)
}

/// Host and port as a URL may hold them; the port may be empty.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, port)) if host.parse::<Ipv6Addr>().is_ok() => ("", port),
            _ => return false,
        },
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_host =
        |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=<>\"".contains(c);
    host.chars().all(is_host) && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.tag().is_some() { ':' } else { '@' };
        let (registry, repository) = (&self.registry, self.repository());
        write!(f, "{registry}/{repository}{separator}{}", self.identifier())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let with_tag = format!("app:v1@{digest}");
        let without = format!("index.docker.io/library/app@{digest}");
        let rows = [
            ("app", "index.docker.io/library/app:latest", "https"),
            ("team/app", "index.docker.io/team/app:latest", "https"),
            ("docker.io/app:1", "index.docker.io/library/app:1", "https"),
            ("localhost:5000/app", "localhost:5000/app:latest", "http"),
            (
                "localhost/app",
                "index.docker.io/localhost/app:latest",
                "https",
            ),
            ("kind.local/app", "kind.local/app:latest", "http"),
            ("172.16.0.1:80/app", "172.16.0.1:80/app:latest", "http"),
            ("[::1]:5000/app", "[::1]:5000/app:latest", "http"),
            ("foo..bar/app", "foo..bar/app:latest", "https"),
            ("app:", "index.docker.io/library/app:latest", "https"),
            (&with_tag, &without, "https"),
        ];
        for (text, want, scheme) in rows {
            let image = text
                .parse::<ImageReference>()
                .map(|image| (image.to_string(), image.scheme()));
            assert_eq!(image, Ok((want.to_owned(), scheme)), "{text}");
        }
    }

    #[test]
    fn refusals() {
        let rows = [
            "",
            "a",
            "App",
            ":v1",
            "app@",
            "app@sha256:abc",
            "app:bad tag",
            "r.dev:port/app",
            "a b.c/app",
        ];
        for text in rows {
            let refused = text
                .parse::<ImageReference>()
                .map_err(|error| error.to_string());
            assert_eq!(refused, Err(format!("could not parse reference: {text}")));
        }
    }

    #[test]
    fn pinned() -> Result<(), ParseImageError> {
        let image: ImageReference = "r.dev/app:v1".parse()?;
        assert_eq!((image.tag(), image.digest()), (Some("v1"), None));
        let pinned = image.with_digest("sha256:1");
        assert_eq!((pinned.tag(), pinned.identifier()), (None, "sha256:1"));
        assert_eq!(pinned.to_string(), "r.dev/app@sha256:1");
        Ok(())
    }
}
