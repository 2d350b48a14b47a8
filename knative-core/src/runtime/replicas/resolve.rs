//! What a template refers to: ConfigMaps and Secrets, read once per start.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use k8s_openapi::api::core::v1::{
    ConfigMap, Container, EnvFromSource, PodSpec, PodTemplateSpec, Secret, Volume,
};

use crate::{
    object::ObjectKey,
    runtime::StartError,
    store::{Store, StoreError},
};

/// The reason that a kubelet gives when a reference cannot be resolved.
const CONFIG_ERROR: &str = "CreateContainerConfigError";

/// Which maps a template refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    ConfigMap,
    Secret,
}

impl Source {
    const fn noun(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmap",
            Self::Secret => "secret",
        }
    }
}

/// The data of the maps that a template refers to; `None` for one that does not exist.
#[derive(Clone, Debug, Default)]
pub(super) struct References(BTreeMap<(Source, String), Option<Data>>);

/// The data of one map.
type Data = BTreeMap<String, Vec<u8>>;

impl References {
    /// Reads all maps that `template` refers to.
    pub(super) async fn read(
        store: Option<&Arc<dyn Store>>,
        namespace: &str,
        template: &PodTemplateSpec,
    ) -> Result<Self, StartError> {
        let mut read = Self::default();
        for (source, name) in template.spec.iter().flat_map(names) {
            let data = read_map(store, namespace, source, &name).await?;
            read.0.insert((source, name), data);
        }
        Ok(read)
    }

    /// A map's data, or an error that names it; `None` if it is optional and absent.
    pub(super) fn map(
        &self,
        source: Source,
        name: &str,
        optional: bool,
    ) -> Result<Option<&BTreeMap<String, Vec<u8>>>, StartError> {
        match self
            .0
            .get(&(source, name.to_owned()))
            .and_then(Option::as_ref)
        {
            Some(data) => Ok(Some(data)),
            None if optional => Ok(None),
            None => Err(config_error(format!(
                "{} {name:?} not found",
                source.noun()
            ))),
        }
    }

    /// One key's value, or an error that names it; `None` if it is optional and absent.
    pub(super) fn value(
        &self,
        source: Source,
        name: &str,
        key: &str,
        optional: bool,
    ) -> Result<Option<&[u8]>, StartError> {
        let Some(data) = self.map(source, name, optional)? else {
            return Ok(None);
        };
        match data.get(key) {
            Some(value) => Ok(Some(value)),
            None if optional => Ok(None),
            None => Err(config_error(format!(
                "couldn't find key {key} in {} {name}",
                source.noun()
            ))),
        }
    }
}

/// A template that cannot become a container.
pub(super) fn config_error(message: String) -> StartError {
    StartError::Config {
        reason: CONFIG_ERROR,
        message,
    }
}

fn names(spec: &PodSpec) -> Vec<(Source, String)> {
    let containers = spec
        .containers
        .iter()
        .chain(spec.init_containers.iter().flatten());
    let mut names: Vec<_> = containers.flat_map(container_names).collect();
    names.extend(spec.volumes.iter().flatten().flat_map(volume_names));
    names.sort();
    names.dedup();
    names
}

fn container_names(container: &Container) -> Vec<(Source, String)> {
    let from = container
        .env_from
        .iter()
        .flatten()
        .filter_map(env_from_name);
    let values = container.env.iter().flatten().filter_map(|variable| {
        let from = variable.value_from.as_ref()?;
        let config_map = from
            .config_map_key_ref
            .as_ref()
            .map(|key| (Source::ConfigMap, key.name.clone()));
        config_map.or_else(|| {
            from.secret_key_ref
                .as_ref()
                .map(|key| (Source::Secret, key.name.clone()))
        })
    });
    from.chain(values).collect()
}

pub(super) fn env_from_name(from: &EnvFromSource) -> Option<(Source, String)> {
    let config_map = from
        .config_map_ref
        .as_ref()
        .map(|map| (Source::ConfigMap, map.name.clone()));
    config_map.or_else(|| {
        from.secret_ref
            .as_ref()
            .map(|secret| (Source::Secret, secret.name.clone()))
    })
}

fn volume_names(volume: &Volume) -> Vec<(Source, String)> {
    let config_map = volume
        .config_map
        .iter()
        .map(|map| (Source::ConfigMap, map.name.clone()));
    let secret = volume
        .secret
        .iter()
        .filter_map(|secret| Some((Source::Secret, secret.secret_name.clone()?)));
    let projected = volume
        .projected
        .iter()
        .flat_map(|volume| volume.sources.iter().flatten());
    let parts = projected.flat_map(|part| {
        let config_map = part
            .config_map
            .iter()
            .map(|map| (Source::ConfigMap, map.name.clone()));
        config_map.chain(
            part.secret
                .iter()
                .map(|secret| (Source::Secret, secret.name.clone())),
        )
    });
    config_map.chain(secret).chain(parts).collect()
}

async fn read_map(
    store: Option<&Arc<dyn Store>>,
    namespace: &str,
    source: Source,
    name: &str,
) -> Result<Option<BTreeMap<String, Vec<u8>>>, StartError> {
    let Some(store) = store else { return Ok(None) };
    let key = match source {
        Source::ConfigMap => ObjectKey::of::<ConfigMap>(namespace, name),
        Source::Secret => ObjectKey::of::<Secret>(namespace, name),
    };
    match store.get(&key).await {
        Ok(object) => Ok(Some(data_of(source, &object.data))),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => {
            let reading = format!("reading {} {name:?}", source.noun());
            Err(StartError::backend_gone(reading, error))
        }
    }
}

/// The data of a ConfigMap or Secret as bytes.
fn data_of(source: Source, value: &serde_json::Value) -> BTreeMap<String, Vec<u8>> {
    let members = |field: &str| {
        let members = value.get(field).and_then(serde_json::Value::as_object);
        members
            .into_iter()
            .flatten()
            .filter_map(|(key, text)| Some((key.clone(), text.as_str()?.to_owned())))
    };
    let plain = |text: String| text.into_bytes();
    let decoded = |text: String| STANDARD.decode(text).unwrap_or_default();
    match source {
        Source::ConfigMap => {
            let text = members("data").map(|(key, text)| (key, plain(text)));
            text.chain(members("binaryData").map(|(key, text)| (key, decoded(text))))
                .collect()
        }
        Source::Secret => {
            let bytes = members("data").map(|(key, text)| (key, decoded(text)));
            bytes
                .chain(members("stringData").map(|(key, text)| (key, plain(text))))
                .collect()
        }
    }
}
