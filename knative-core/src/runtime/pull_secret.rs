//! Credentials for registries.

use std::{collections::BTreeMap, fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use k8s_openapi::api::core::v1::{PodSpec, Secret, ServiceAccount};
use serde::Deserialize;
use thiserror::Error;

use crate::store::{Api, Store, StoreError};

/// The account that pods have unless they name one.
const DEFAULT_ACCOUNT: &str = "default";

/// Credentials for a registry, from `imagePullSecrets` or a Docker configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct PullSecret {
    /// The registry's host and port, as `registry.example:5000`.
    pub registry: String,
    /// The user.
    pub username: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for PullSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PullSecret")
            .field("registry", &self.registry)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Why a Docker configuration cannot be read.
#[derive(Debug, Error)]
#[error("this is no Docker configuration")]
pub struct DockerConfigError(#[source] serde_json::Error);

/// One registry's entry in a Docker configuration.
#[derive(Debug, Default, Deserialize)]
struct Entry {
    #[serde(default)]
    auth: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
}

#[derive(Debug, Default, Deserialize)]
struct Config {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

impl PullSecret {
    /// The credentials in a Docker configuration: the content of `~/.docker/config.json`, or of a Secret's
    /// `.dockerconfigjson`. Entries without a user and a password are left out.
    ///
    /// # Errors
    /// [`DockerConfigError`].
    pub fn from_docker_config(config: &[u8]) -> Result<Vec<Self>, DockerConfigError> {
        let config: Config = serde_json::from_slice(config).map_err(DockerConfigError)?;
        Ok(all(config.auths))
    }

    /// The same of the old form, a Secret's `.dockercfg`.
    fn from_docker_cfg(config: &[u8]) -> Result<Vec<Self>, DockerConfigError> {
        serde_json::from_slice(config)
            .map(all)
            .map_err(DockerConfigError)
    }

    /// The credentials in a Secret; none where it is of another type.
    fn of(secret: &Secret) -> Result<Vec<Self>, DockerConfigError> {
        let data = |key: &str| secret.data.as_ref()?.get(key);
        match (data(".dockerconfigjson"), data(".dockercfg")) {
            (Some(config), _) => Self::from_docker_config(&config.0),
            (None, Some(config)) => Self::from_docker_cfg(&config.0),
            (None, None) => Ok(Vec::new()),
        }
    }
}

fn all(entries: BTreeMap<String, Entry>) -> Vec<PullSecret> {
    let secret = |(registry, entry): (String, Entry)| {
        let (username, password) = entry.credentials()?;
        Some(PullSecret {
            registry: host(&registry).to_owned(),
            username,
            password,
        })
    };
    entries.into_iter().filter_map(secret).collect()
}

/// `https://index.docker.io/v1/` is `index.docker.io`.
fn host(registry: &str) -> &str {
    let host = registry
        .strip_prefix("https://")
        .or_else(|| registry.strip_prefix("http://"))
        .unwrap_or(registry);
    host.split('/').next().unwrap_or(host)
}

impl Entry {
    fn credentials(self) -> Option<(String, String)> {
        if !self.username.is_empty() {
            return Some((self.username, self.password));
        }
        let decoded = String::from_utf8(STANDARD.decode(self.auth).ok()?).ok()?;
        let (username, password) = decoded.split_once(':')?;
        (!username.is_empty()).then(|| (username.to_owned(), password.to_owned()))
    }
}

/// The credentials that a pod in `namespace` names in `imagePullSecrets`, and those that its service account names.
/// As with a kubelet, a Secret that does not exist or holds something else is passed over, with a line in the log.
///
/// # Errors
/// The store's.
pub async fn pull_secrets(
    store: &Arc<dyn Store>,
    namespace: &str,
    pod: &PodSpec,
) -> Result<Vec<PullSecret>, StoreError> {
    let account = pod
        .service_account_name
        .as_deref()
        .filter(|name| !name.is_empty());
    let accounts = Api::<ServiceAccount>::new(Arc::clone(store));
    let account = accounts
        .find(namespace, account.unwrap_or(DEFAULT_ACCOUNT))
        .await?;
    let references = pod.image_pull_secrets.iter().flatten().cloned();
    let inherited = account.and_then(|account| account.image_pull_secrets.clone());
    let secrets = Api::<Secret>::new(Arc::clone(store));
    let mut found = Vec::new();
    for reference in references.chain(inherited.into_iter().flatten()) {
        let name = &reference.name;
        match secrets
            .find(namespace, name)
            .await?
            .map(|secret| PullSecret::of(&secret))
        {
            Some(Ok(credentials)) => found.extend(credentials),
            Some(Err(error)) => {
                tracing::warn!(namespace, name, %error, "a pull secret cannot be read");
            }
            None => tracing::warn!(namespace, name, "a pull secret does not exist"),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_in_each_of_their_forms() {
        let config = br#"{"auths":{
            "https://index.docker.io/v1/": {"auth":"dXNlcjpwYTpzcw=="},
            "registry.example:5000": {"username":"me","password":"secret"},
            "empty.example": {}
        }}"#;
        let found = PullSecret::from_docker_config(config).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|secret| (&*secret.registry, &*secret.username, &*secret.password))
            .collect();
        assert_eq!(
            found,
            [
                ("index.docker.io", "user", "pa:ss"),
                ("registry.example:5000", "me", "secret"),
            ]
        );
        assert!(PullSecret::from_docker_config(b"auths:").is_err());
    }
}
