//! Whose credentials a registry is shown.

use std::path::{Path, PathBuf};

use bollard::auth::DockerCredentials;
use knative_core::runtime::PullSecret;

/// Docker Hub's names: Docker writes the first into its configuration, people the others.
const DOCKER_HUB: [&str; 3] = ["index.docker.io", "docker.io", "registry-1.docker.io"];

/// Where Docker keeps its user's configuration.
pub(super) fn default_config_dir() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let named = variable("DOCKER_CONFIG").map(PathBuf::from);
    named.or_else(|| Some(Path::new(&variable("HOME")?).join(".docker")))
}

/// The credentials in a Docker configuration; none where there is none.
pub(super) async fn of_user(dir: Option<&Path>) -> Vec<PullSecret> {
    let Some(path) = dir.map(|dir| dir.join("config.json")) else {
        return Vec::new();
    };
    let Ok(config) = tokio::fs::read(&path).await else {
        return Vec::new();
    };
    PullSecret::from_docker_config(&config).unwrap_or_else(|error| {
        tracing::warn!(path = %path.display(), %error, "the Docker configuration is passed over");
        Vec::new()
    })
}

/// Those of `secrets` that are meant for a registry, in the order in which they are tried.
pub(super) fn matching(secrets: &[PullSecret], registry: &str) -> Vec<PullSecret> {
    let meant = secrets
        .iter()
        .filter(|secret| is_meant(&secret.registry, registry));
    let mut found: Vec<PullSecret> = meant.cloned().collect();
    // As with a kubelet, an exact name goes before a pattern.
    found.sort_by_key(|secret| secret.registry.contains('*'));
    found
}

/// Whether an entry covers a registry: the ports are the same, and each label of the host matches.
fn is_meant(entry: &str, registry: &str) -> bool {
    if is_docker_hub(entry) && is_docker_hub(registry) {
        return true;
    }
    let (entry, entry_port) = split(entry);
    let (host, port) = split(registry);
    let (entry, host): (Vec<&str>, Vec<&str>) =
        (entry.split('.').collect(), host.split('.').collect());
    entry_port == port
        && entry.len() == host.len()
        && entry.iter().zip(&host).all(|(a, b)| is_label(a, b))
}

fn is_docker_hub(registry: &str) -> bool {
    DOCKER_HUB.contains(&registry)
}

fn split(registry: &str) -> (&str, Option<&str>) {
    match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (registry, None),
    }
}

/// `*` stands for any characters of one label.
fn is_label(pattern: &str, label: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern.eq_ignore_ascii_case(label),
        Some((head, tail)) => {
            let Some(rest) = label.strip_prefix(head) else {
                return false;
            };
            (0..=rest.len())
                .filter(|at| rest.is_char_boundary(*at))
                .any(|at| is_label(tail, &rest[at..]))
        }
    }
}

/// The form in which the engine takes them.
pub(super) fn for_engine(secret: &PullSecret) -> DockerCredentials {
    DockerCredentials {
        username: Some(secret.username.clone()),
        password: Some(secret.password.clone()),
        serveraddress: Some(secret.registry.clone()),
        ..DockerCredentials::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(registry: &str, username: &str) -> PullSecret {
        PullSecret {
            registry: registry.to_owned(),
            username: username.to_owned(),
            password: "p".to_owned(),
        }
    }

    #[test]
    fn entries_match_as_with_a_kubelet() {
        let rows = [
            ("r.dev", "r.dev", true),
            ("r.dev", "R.dev", true),
            ("r.dev:5000", "r.dev:5000", true),
            ("r.dev", "r.dev:5000", false),
            ("r.dev:5000", "r.dev", false),
            ("*.dev", "r.dev", true),
            ("*.dev", "a.r.dev", false),
            ("r*x.dev", "registry-x.dev", true),
            ("r*x.dev", "registry.dev", false),
            ("docker.io", "index.docker.io", true),
            ("registry-1.docker.io", "index.docker.io", true),
            ("index.docker.io", "r.dev", false),
            ("[::1]:5000", "[::1]:5000", true),
        ];
        for (entry, registry, want) in rows {
            assert_eq!(is_meant(entry, registry), want, "{entry} for {registry}");
        }
    }

    #[test]
    fn exact_entries_are_tried_first() {
        let secrets = [secret("*.dev", "any"), secret("r.dev", "exact")];
        let users: Vec<String> = matching(&secrets, "r.dev")
            .into_iter()
            .map(|secret| secret.username)
            .collect();
        assert_eq!(users, ["exact", "any"]);
    }

    #[tokio::test]
    async fn a_users_configuration_may_be_absent_or_broken() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(of_user(None).await, []);
        assert_eq!(of_user(Some(dir.path())).await, []);
        let path = dir.path().join("config.json");
        std::fs::write(&path, "auths:").unwrap();
        assert_eq!(of_user(Some(dir.path())).await, []);
        std::fs::write(
            &path,
            r#"{"auths":{"r.dev":{"username":"me","password":"p"}},"credsStore":"x"}"#,
        )
        .unwrap();
        assert_eq!(of_user(Some(dir.path())).await, [secret("r.dev", "me")]);
    }
}
