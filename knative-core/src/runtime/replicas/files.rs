//! Files of configMap, secret and projected volumes, as they are mounted.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Container, DownwardAPIVolumeFile, KeyToPath, ProjectedVolumeSource, Volume, VolumeMount,
    VolumeProjection,
};

use super::{
    render::{Identity, field_value},
    resolve::{References, Source},
};
use crate::runtime::{StartError, VolumeFile};

/// The mode of a volume's files unless it says another.
const DEFAULT_MODE: i32 = 0o644;

/// A file of a volume: its path in it, content and mode.
type Entry = (String, Vec<u8>, u32);

/// All files that a container mounts.
pub(super) fn of(
    identity: &Identity<'_>,
    references: &References,
    container: &Container,
) -> Result<Vec<VolumeFile>, StartError> {
    let volumes = identity
        .template
        .spec
        .iter()
        .flat_map(|spec| spec.volumes.iter().flatten());
    let by_name: BTreeMap<&str, &Volume> = volumes
        .map(|volume| (volume.name.as_str(), volume))
        .collect();
    let mut files = Vec::new();
    for mount in container.volume_mounts.iter().flatten() {
        if let Some(volume) = by_name.get(mount.name.as_str()) {
            let entries = entries(identity, references, volume)?;
            files.extend(
                entries
                    .into_iter()
                    .filter_map(|entry| mounted(mount, entry)),
            );
        }
    }
    Ok(files)
}

fn mounted(mount: &VolumeMount, (path, content, mode): Entry) -> Option<VolumeFile> {
    let below = match mount.sub_path.as_deref().filter(|sub| !sub.is_empty()) {
        None => format!("/{path}"),
        Some(sub) if sub == path => String::new(),
        Some(sub) => format!("/{}", path.strip_prefix(sub)?.strip_prefix('/')?),
    };
    Some(VolumeFile {
        path: format!("{}{below}", mount.mount_path.trim_end_matches('/')),
        content,
        mode,
    })
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
    volume
        .projected
        .as_ref()
        .map_or(Ok(Vec::new()), |projected| {
            all_projected(identity, references, projected)
        })
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
