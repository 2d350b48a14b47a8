//! What volumes hold, and where containers see them.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        Container, DownwardAPIVolumeFile, KeyToPath, ProjectedVolumeSource, Volume, VolumeMount,
        VolumeProjection,
    },
    apimachinery::pkg::api::resource::Quantity,
};

use super::{
    expand::expand,
    render::{Identity, field_value},
    resolve::{References, Source, config_error},
    token,
};
use crate::{
    object,
    runtime::{StartError, VolumeFile, VolumeSource, VolumeSpec},
};

/// The mode of a volume's files unless it says another.
const DEFAULT_MODE: i32 = 0o644;

/// A file of a volume: its path in it, content and mode.
type Entry = (String, Vec<u8>, u32);

/// The volumes of an instance.
pub(super) fn volumes(
    identity: &Identity<'_>,
    references: &References,
) -> Result<Vec<VolumeSpec>, StartError> {
    let spec = identity.template.spec.iter();
    spec.flat_map(|spec| spec.volumes.iter().flatten())
        .map(|volume| {
            Ok(VolumeSpec {
                name: volume.name.clone(),
                source: source(identity, references, volume)?,
            })
        })
        .collect()
}

/// The mounts of a container, their `subPathExpr` expanded.
pub(super) fn mounts(
    container: &Container,
    variables: &BTreeMap<String, String>,
) -> Result<Vec<VolumeMount>, StartError> {
    let mounts = container.volume_mounts.iter().flatten().cloned();
    mounts
        .map(|mut mount| {
            if let Some(expression) = mount.sub_path_expr.take() {
                mount.sub_path = Some(expand(&expression, variables));
            }
            mount.sub_path = mount.sub_path.filter(|path| !path.is_empty());
            if let Some(path) = &mount.sub_path {
                within(path, "subPath")?;
            }
            Ok(mount)
        })
        .collect()
}

fn source(
    identity: &Identity<'_>,
    references: &References,
    volume: &Volume,
) -> Result<VolumeSource, StartError> {
    if let Some(empty) = &volume.empty_dir {
        return Ok(VolumeSource::Empty {
            memory: empty.medium.as_deref() == Some("Memory"),
            size_limit: empty.size_limit.as_ref().map(bytes).transpose()?,
        });
    }
    if let Some(host) = &volume.host_path {
        return Ok(VolumeSource::Host {
            path: host.path.clone(),
            kind: host.type_.clone().unwrap_or_default(),
        });
    }
    if let Some(claim) = &volume.persistent_volume_claim {
        return Ok(VolumeSource::Claim {
            name: claim.claim_name.clone(),
            read_only: claim.read_only.unwrap_or_default(),
        });
    }
    let files: Vec<VolumeFile> = entries(identity, references, volume)?
        .into_iter()
        .map(|(path, content, mode)| VolumeFile {
            path,
            content,
            mode,
        })
        .collect();
    for file in &files {
        within(&file.path, "a file of a volume")?;
    }
    Ok(VolumeSource::Files(files))
}

/// Refuses a path that leaves its volume.
fn within(path: &str, what: &str) -> Result<(), StartError> {
    let leaves = path.starts_with('/') || path.split('/').any(|part| part == "..");
    if leaves {
        return Err(config_error(format!("{what} {path:?} leaves its volume")));
    }
    Ok(())
}

fn bytes(quantity: &Quantity) -> Result<u64, StartError> {
    let parsed = quantity.0.parse::<object::Quantity>();
    let parsed = parsed.map_err(|error| config_error(error.to_string()))?;
    let bytes = parsed.value().and_then(|bytes| u64::try_from(bytes).ok());
    bytes.ok_or_else(|| config_error(format!("{:?} is no size", quantity.0)))
}

fn entries(
    identity: &Identity<'_>,
    references: &References,
    volume: &Volume,
) -> Result<Vec<Entry>, StartError> {
    if let Some(map) = &volume.config_map {
        let data = references.map(
            Source::ConfigMap,
            &map.name,
            map.optional.unwrap_or_default(),
        )?;
        return Ok(keys(data, map.items.as_deref(), map.default_mode));
    }
    if let Some(secret) = &volume.secret {
        let name = secret.secret_name.as_deref().unwrap_or_default();
        let data = references.map(Source::Secret, name, secret.optional.unwrap_or_default())?;
        return Ok(keys(data, secret.items.as_deref(), secret.default_mode));
    }
    if let Some(projected) = &volume.projected {
        return all_projected(identity, references, projected);
    }
    let items = volume.downward_api.iter();
    items
        .flat_map(|api| {
            api.items
                .iter()
                .flatten()
                .map(|item| (item, api.default_mode))
        })
        .filter_map(|(item, mode)| downward(identity, item, mode).transpose())
        .collect()
}

fn all_projected(
    identity: &Identity<'_>,
    references: &References,
    volume: &ProjectedVolumeSource,
) -> Result<Vec<Entry>, StartError> {
    let sources = volume.sources.iter().flatten();
    let parts = sources.map(|source| projected(identity, references, source, volume.default_mode));
    Ok(parts
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect())
}

fn projected(
    identity: &Identity<'_>,
    references: &References,
    source: &VolumeProjection,
    mode: Option<i32>,
) -> Result<Vec<Entry>, StartError> {
    if let Some(map) = &source.config_map {
        let data = references.map(
            Source::ConfigMap,
            &map.name,
            map.optional.unwrap_or_default(),
        )?;
        return Ok(keys(data, map.items.as_deref(), mode));
    }
    if let Some(secret) = &source.secret {
        let data = references.map(
            Source::Secret,
            &secret.name,
            secret.optional.unwrap_or_default(),
        )?;
        return Ok(keys(data, secret.items.as_deref(), mode));
    }
    if let Some(asked) = &source.service_account_token {
        let token = token::token(identity, asked);
        return Ok(vec![(asked.path.clone(), token.into_bytes(), bits(mode))]);
    }
    let items = source
        .downward_api
        .iter()
        .flat_map(|api| api.items.iter().flatten());
    items
        .filter_map(|item| downward(identity, item, mode).transpose())
        .collect()
}

fn downward(
    identity: &Identity<'_>,
    item: &DownwardAPIVolumeFile,
    mode: Option<i32>,
) -> Result<Option<Entry>, StartError> {
    let Some(field) = &item.field_ref else {
        return Ok(None);
    };
    let value = field_value(identity, &field.field_path)?;
    Ok(Some((
        item.path.clone(),
        value.into_bytes(),
        bits(item.mode.or(mode)),
    )))
}

fn keys(
    data: Option<&BTreeMap<String, Vec<u8>>>,
    items: Option<&[KeyToPath]>,
    mode: Option<i32>,
) -> Vec<Entry> {
    let Some(data) = data else { return Vec::new() };
    match items {
        None => data
            .iter()
            .map(|(key, value)| (key.clone(), value.clone(), bits(mode)))
            .collect(),
        Some(items) => items
            .iter()
            .filter_map(|item| {
                Some((
                    item.path.clone(),
                    data.get(&item.key)?.clone(),
                    bits(item.mode.or(mode)),
                ))
            })
            .collect(),
    }
}

fn bits(mode: Option<i32>) -> u32 {
    u32::try_from(mode.unwrap_or(DEFAULT_MODE)).unwrap_or(0o644)
}
