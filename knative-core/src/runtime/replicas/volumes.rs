//! What volumes hold, and where containers see them.

use std::{collections::BTreeMap, fmt::Write as _};

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

/// What a kubelet says of a container that waits for its volumes.
const CREATING: &str = "ContainerCreating";
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
            let source = source(identity, references, volume);
            Ok(VolumeSpec {
                name: volume.name.clone(),
                source: source.map_err(|error| not_mounted(&volume.name, error))?,
            })
        })
        .collect()
}

/// A container whose volume cannot be had is not made: a kubelet goes on saying that it is at it.
fn not_mounted(volume: &str, error: StartError) -> StartError {
    match error {
        StartError::Config { message, .. } => StartError::Config {
            reason: CREATING,
            message: format!("MountVolume.SetUp failed for volume {volume:?} : {message}"),
        },
        error => error,
    }
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
        let asked = Map {
            source: Source::ConfigMap,
            name: &map.name,
            optional: map.optional.unwrap_or_default(),
            items: map.items.as_deref(),
            mode: map.default_mode,
        };
        return asked.files(references);
    }
    if let Some(secret) = &volume.secret {
        let asked = Map {
            source: Source::Secret,
            name: secret.secret_name.as_deref().unwrap_or_default(),
            optional: secret.optional.unwrap_or_default(),
            items: secret.items.as_deref(),
            mode: secret.default_mode,
        };
        return asked.files(references);
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
        .map(|(item, mode)| downward(identity, item, mode))
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
        let asked = Map {
            source: Source::ConfigMap,
            name: &map.name,
            optional: map.optional.unwrap_or_default(),
            items: map.items.as_deref(),
            mode,
        };
        return asked.files(references);
    }
    if let Some(secret) = &source.secret {
        let asked = Map {
            source: Source::Secret,
            name: &secret.name,
            optional: secret.optional.unwrap_or_default(),
            items: secret.items.as_deref(),
            mode,
        };
        return asked.files(references);
    }
    if let Some(asked) = &source.service_account_token {
        let token = token::token(identity, asked);
        return Ok(vec![(asked.path.clone(), token.into_bytes(), bits(mode))]);
    }
    let items = source
        .downward_api
        .iter()
        .flat_map(|api| api.items.iter().flatten());
    items.map(|item| downward(identity, item, mode)).collect()
}

fn downward(
    identity: &Identity<'_>,
    item: &DownwardAPIVolumeFile,
    mode: Option<i32>,
) -> Result<Entry, StartError> {
    let Some(field) = &item.field_ref else {
        return Err(config_error(format!(
            "the file {:?} refers to no field of the pod",
            item.path
        )));
    };
    let metadata = identity.template.metadata.as_ref();
    let value = match field.field_path.as_str() {
        "metadata.labels" => lines(metadata.and_then(|metadata| metadata.labels.as_ref())),
        "metadata.annotations" => {
            lines(metadata.and_then(|metadata| metadata.annotations.as_ref()))
        }
        path => field_value(identity, path)?,
    };
    Ok((
        item.path.clone(),
        value.into_bytes(),
        bits(item.mode.or(mode)),
    ))
}

/// A map of the pod as Kubernetes writes it to a file: a line for each key, the value in Go's quotes.
fn lines(map: Option<&BTreeMap<String, String>>) -> String {
    let lines = map.into_iter().flatten();
    let lines: Vec<String> = lines
        .map(|(key, value)| format!("{key}={}", quoted(value)))
        .collect();
    lines.join("\n")
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for char in text.chars() {
        // Writing to a String cannot fail.
        let _ = match char {
            '"' | '\\' => write!(quoted, "\\{char}"),
            '\n' => quoted.write_str("\\n"),
            '\r' => quoted.write_str("\\r"),
            '\t' => quoted.write_str("\\t"),
            '\x07' => quoted.write_str("\\a"),
            '\x08' => quoted.write_str("\\b"),
            '\x0b' => quoted.write_str("\\v"),
            '\x0c' => quoted.write_str("\\f"),
            _ if char.is_ascii_control() => write!(quoted, "\\x{:02x}", u32::from(char)),
            _ if char.is_control() || char.is_whitespace() && char != ' ' => {
                write!(quoted, "\\u{:04x}", u32::from(char))
            }
            _ => quoted.write_char(char),
        };
    }
    quoted.push('"');
    quoted
}

/// The files that a volume takes from a ConfigMap or Secret.
struct Map<'a> {
    source: Source,
    name: &'a str,
    optional: bool,
    /// Which keys; all if `None`.
    items: Option<&'a [KeyToPath]>,
    mode: Option<i32>,
}

impl Map<'_> {
    fn files(&self, references: &References) -> Result<Vec<Entry>, StartError> {
        match references.map(self.source, self.name, self.optional)? {
            Some(data) => self.entries(data),
            None => Ok(Vec::new()),
        }
    }

    fn entries(&self, data: &BTreeMap<String, Vec<u8>>) -> Result<Vec<Entry>, StartError> {
        let Some(items) = self.items else {
            let all = data.iter();
            return Ok(all
                .map(|(key, value)| (key.clone(), value.clone(), bits(self.mode)))
                .collect());
        };
        let files = items.iter().filter_map(|item| match data.get(&item.key) {
            Some(value) => {
                let mode = bits(item.mode.or(self.mode));
                Some(Ok((item.path.clone(), value.clone(), mode)))
            }
            None if self.optional => None,
            None => Some(Err(self.missing(&item.key))),
        });
        files.collect()
    }

    /// As a kubelet says it.
    fn missing(&self, key: &str) -> StartError {
        let noun = match self.source {
            Source::ConfigMap => "config",
            Source::Secret => "secret",
        };
        config_error(format!("references non-existent {noun} key: {key}"))
    }
}

fn bits(mode: Option<i32>) -> u32 {
    u32::try_from(mode.unwrap_or(DEFAULT_MODE)).unwrap_or(0o644)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::runtime::{InstanceId, Place, WorkloadId};

    #[test]
    fn a_key_that_is_asked_for_is_there_or_optional() {
        let data = BTreeMap::from([("a".to_owned(), b"1".to_vec())]);
        let items = ["a", "b"].map(|key| KeyToPath {
            key: key.to_owned(),
            path: format!("{key}.txt"),
            ..KeyToPath::default()
        });
        let asked = |source, optional| Map {
            source,
            name: "m",
            optional,
            items: Some(&items),
            mode: Some(0o400),
        };
        let kept = asked(Source::ConfigMap, true).entries(&data).unwrap();
        assert_eq!(kept, [("a.txt".to_owned(), b"1".to_vec(), 0o400)]);
        let rows = [
            (Source::ConfigMap, "references non-existent config key: b"),
            (Source::Secret, "references non-existent secret key: b"),
        ];
        for (source, said) in rows {
            let error = asked(source, false).entries(&data).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
    }

    #[test]
    fn fields_of_the_pod_are_files() {
        let template = serde_json::from_value(json!({ "metadata": {
            "labels": { "b": "2", "a": "1" },
            "annotations": { "note": "a \"b\"\\\n\u{1}\u{a0}\u{e4}" },
        }}))
        .unwrap();
        let identity = Identity {
            id: &InstanceId::new("pod-a"),
            workload: &WorkloadId::new("default", "w"),
            template: &template,
            place: &Place::default(),
            pull_secrets: &[],
            now: Timestamp::UNIX_EPOCH,
        };
        let rows = [
            ("metadata.labels", "a=\"1\"\nb=\"2\""),
            ("metadata.annotations", r#"note="a \"b\"\\\n\x01\u00a0ä""#),
            ("metadata.name", "pod-a"),
        ];
        for (path, content) in rows {
            let item = json!({ "path": "file", "fieldRef": { "fieldPath": path } });
            let item = serde_json::from_value(item).unwrap();
            let (_, written, mode) = downward(&identity, &item, None).unwrap();
            assert_eq!(
                (String::from_utf8(written).unwrap().as_str(), mode),
                (content, 0o644)
            );
        }
        let limit = json!({ "path": "file", "resourceFieldRef": { "resource": "limits.cpu" } });
        let limit = serde_json::from_value(limit).unwrap();
        assert!(downward(&identity, &limit, None).is_err());
    }
}
