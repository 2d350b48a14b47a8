//! What an image is called, here and by an engine.

use knative_core::object::ImageReference;

/// Why a reference names no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadName(String);

/// A reference that engines take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(ImageReference);

impl Name {
    /// Reads a reference. Knative reads loosely; what it lets through and no engine takes is refused here, because names
    /// become part of paths of the engine's API, where `..` would ask for something else.
    pub(super) fn parse(reference: &str) -> Result<Self, BadName> {
        let parsed: ImageReference = reference
            .parse()
            .map_err(|error: knative_core::object::ParseImageError| BadName(error.to_string()))?;
        let repository = parsed.repository();
        if is_host(parsed.registry()) && repository.split('/').all(is_component) {
            Ok(Self(parsed))
        } else {
            Err(BadName(format!(
                "could not parse reference: {reference}: no engine takes this name"
            )))
        }
    }

    /// The registry's host, with a port if one is given.
    pub(super) fn registry(&self) -> &str {
        self.0.registry()
    }

    /// The digest that the reference is pinned to.
    pub(super) fn digest(&self) -> Option<&str> {
        self.0.digest()
    }

    /// The same repository at a digest: what a revision keeps.
    pub(super) fn pinned(&self, digest: &str) -> String {
        self.0.with_digest(digest).to_string()
    }

    /// The name that an engine knows it by.
    pub(super) fn for_engine(&self) -> String {
        let text = self.0.to_string();
        // Engines take `localhost` for a registry, Knative for a user of Docker Hub; Podman calls local images so.
        let on_localhost = text
            .strip_prefix("index.docker.io/")
            .filter(|rest| rest.starts_with("localhost/"));
        on_localhost.map(str::to_owned).unwrap_or(text)
    }

    /// The digest that an engine lists for this repository. An image may have come from several.
    pub(super) fn digest_among(&self, repo_digests: &[String]) -> Option<String> {
        let of_this = |entry: &String| {
            let entry: ImageReference = entry.parse().ok()?;
            let same =
                entry.registry() == self.0.registry() && entry.repository() == self.0.repository();
            entry.digest().filter(|_| same).map(str::to_owned)
        };
        repo_digests.iter().find_map(of_this)
    }
}

fn is_host(registry: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:[]".contains(&byte);
    let begins = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'[';
    registry.as_bytes().first().is_some_and(begins) && registry.bytes().all(is_part)
}

/// A part of a repository's path begins and ends with a letter or a digit.
fn is_component(part: &str) -> bool {
    let bytes = part.as_bytes();
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    is_edge(bytes.first()) && is_edge(bytes.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_for_engines() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let pinned = format!("r.dev:5000/a/b@{digest}");
        let rows = [
            ("app", "index.docker.io/library/app:latest"),
            ("r.dev:5000/a/b:1", "r.dev:5000/a/b:1"),
            ("localhost:5000/app", "localhost:5000/app:latest"),
            ("localhost/app:1", "localhost/app:1"),
            ("[::1]:5000/app:1", "[::1]:5000/app:1"),
            (&pinned, &pinned),
        ];
        for (reference, want) in rows {
            let name = Name::parse(reference).map(|name| name.for_engine());
            assert_eq!(name.as_deref(), Ok(want), "{reference}");
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let rows = [
            "r.dev/../../containers",
            "../containers/x",
            "r.dev/./x",
            "r.dev//x",
            "r.dev/x/",
            "r.dev/-x",
            "foo..bar;/app",
            "App",
        ];
        for reference in rows {
            assert!(Name::parse(reference).is_err(), "{reference}");
        }
    }

    #[test]
    fn the_digest_is_of_the_same_repository() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let listed = [
            format!("r.dev/other@sha256:{b}"),
            format!("app@sha256:{a}"),
            "broken".to_owned(),
        ];
        let rows = [
            ("app:1", Some(format!("sha256:{a}"))),
            ("docker.io/library/app", Some(format!("sha256:{a}"))),
            ("r.dev/other:2", Some(format!("sha256:{b}"))),
            ("r.dev/app", None),
        ];
        for (reference, want) in rows {
            let name = Name::parse(reference).unwrap();
            assert_eq!(name.digest_among(&listed), want, "{reference}");
        }
    }
}
