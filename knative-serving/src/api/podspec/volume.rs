//! Volumes.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    EmptyDirVolumeSource, ImageVolumeSource, KeyToPath, PersistentVolumeClaimVolumeSource, PodSpec,
    Volume,
};
use knative_core::admission::FieldErrors;
use knative_core::object::name::dns1123_label;
use knative_core::object::{Quantity, quote};

use super::{mask, projected};
use crate::config::Features;

pub(super) fn validate(pod: &PodSpec, features: &Features) -> FieldErrors {
    let containers = pod.init_containers.iter().flatten().chain(&pod.containers);
    let mounts = containers.flat_map(|container| container.volume_mounts.iter().flatten());
    let mounted: BTreeSet<&str> = mounts.map(|mount| mount.name.as_str()).collect();
    let mut errors = FieldErrors::none();
    let mut seen = BTreeSet::new();
    for (index, volume) in pod.volumes.iter().flatten().enumerate() {
        let name = quote(&volume.name);
        let mut found = FieldErrors::none();
        if !seen.insert(volume.name.as_str()) {
            found.push(FieldErrors::generic(
                format!("duplicate volume name {name}"),
                ["name"],
            ));
        }
        if !mounted.contains(volume.name.as_str()) {
            found.push(FieldErrors::generic(
                format!("volume with name {name} not mounted"),
                ["name"],
            ));
        }
        errors.push(found.also(one(volume, features)).via_index(index));
    }
    errors
}

/// A bad name hides what is switched off: Knative starts over there.
fn one(volume: &Volume, features: &Features) -> FieldErrors {
    let first = if volume.name.is_empty() {
        FieldErrors::missing_field(["name"])
    } else if !dns1123_label(&volume.name).is_empty() {
        FieldErrors::invalid_value(&volume.name, "name")
    } else {
        switched_off(volume, features)
    };
    first
        .also(mask::volume(volume, features))
        .also(contents(volume))
        .also(sources(volume, features))
}

fn switched_off(volume: &Volume, features: &Features) -> FieldErrors {
    let claim = volume.persistent_volume_claim.as_ref();
    [
        (
            "Image",
            volume.image.is_some(),
            features.pod_spec_volumes_image,
        ),
        (
            "EmptyDir",
            volume.empty_dir.is_some(),
            features.pod_spec_volumes_empty_dir,
        ),
        (
            "HostPath",
            volume.host_path.is_some(),
            features.pod_spec_volumes_host_path,
        ),
        ("CSI", volume.csi.is_some(), features.pod_spec_volumes_csi),
        (
            "Ephemeral",
            volume.ephemeral.is_some(),
            features.pod_spec_volumes_ephemeral,
        ),
    ]
    .into_iter()
    .filter(|(_, set, flag)| *set && !flag.is_enabled())
    .map(|(kind, ..)| {
        let name = &volume.name;
        let message = format!("{kind} volume support is disabled, but found {kind} volume {name}");
        FieldErrors::generic(message, [""; 0])
    })
    .fold(
        claim
            .map(|claim| claim_off(claim, features))
            .unwrap_or_default(),
        FieldErrors::also,
    )
}

fn claim_off(claim: &PersistentVolumeClaimVolumeSource, features: &Features) -> FieldErrors {
    let mut errors = FieldErrors::none();
    let name = &claim.claim_name;
    if !features.pod_spec_persistent_volume_claim.is_enabled() {
        let message = format!(
            "Persistent volume claim support is disabled, but found persistent volume claim {name}"
        );
        errors.push(FieldErrors::generic(message, [""; 0]));
    }
    let writes = claim.read_only != Some(true);
    if writes && !features.pod_spec_persistent_volume_write.is_enabled() {
        let message = format!(
            "Persistent volume write support is disabled, but found persistent volume claim {name} that is not read-only"
        );
        errors.push(FieldErrors::generic(message, [""; 0]));
    }
    errors
}

fn contents(volume: &Volume) -> FieldErrors {
    let secret = volume
        .secret
        .as_ref()
        .and_then(|secret| secret.items.as_deref());
    let map = volume
        .config_map
        .as_ref()
        .and_then(|map| map.items.as_deref());
    let sources = volume
        .projected
        .as_ref()
        .and_then(|projected| projected.sources.as_deref());
    let dir = volume.empty_dir.as_ref().map(empty_dir).unwrap_or_default();
    let image = volume.image.as_ref().map(image).unwrap_or_default();
    items(secret.unwrap_or_default())
        .also(items(map.unwrap_or_default()))
        .also(projected::validate(sources.unwrap_or_default()))
        .also(dir.via_field("emptyDir"))
        .also(image.via_field("image"))
}

/// Keys and the files that they become.
pub(super) fn items(items: &[KeyToPath]) -> FieldErrors {
    items
        .iter()
        .enumerate()
        .fold(FieldErrors::none(), |errors, (index, item)| {
            let found = required(&item.key, "key").also(required(&item.path, "path"));
            errors.also(found.via_field_index("items", index))
        })
}

/// A text that must not be empty.
pub(super) fn required(text: &str, field: &str) -> FieldErrors {
    if text.is_empty() {
        FieldErrors::missing_field([field])
    } else {
        FieldErrors::none()
    }
}

fn empty_dir(dir: &EmptyDirVolumeSource) -> FieldErrors {
    let medium = match dir.medium.as_deref() {
        None | Some("" | "Memory") => FieldErrors::none(),
        Some(other) => FieldErrors::invalid_value(other, "medium"),
    };
    let limit = dir
        .size_limit
        .as_ref()
        .and_then(|limit| Quantity::from_json(&limit.0).ok());
    match limit {
        Some(limit) if limit.sign().is_lt() => {
            medium.also(FieldErrors::invalid_value(limit, "sizeLimit"))
        }
        _ => medium,
    }
}

fn image(image: &ImageVolumeSource) -> FieldErrors {
    let policy = match image.pull_policy.as_deref() {
        None | Some("" | "IfNotPresent" | "Always" | "Never") => FieldErrors::none(),
        Some(other) => FieldErrors::invalid_value(other, "pullPolicy"),
    };
    required(image.reference.as_deref().unwrap_or_default(), "reference").also(policy)
}

/// Exactly one source; those that are switched on are offered.
fn sources(volume: &Volume, features: &Features) -> FieldErrors {
    let sources = [
        ("secret", volume.secret.is_some(), true),
        ("configMap", volume.config_map.is_some(), true),
        ("projected", volume.projected.is_some(), true),
        (
            "emptyDir",
            volume.empty_dir.is_some(),
            features.pod_spec_volumes_empty_dir.is_enabled(),
        ),
        (
            "persistentVolumeClaim",
            volume.persistent_volume_claim.is_some(),
            features.pod_spec_persistent_volume_claim.is_enabled(),
        ),
        (
            "hostPath",
            volume.host_path.is_some(),
            features.pod_spec_volumes_host_path.is_enabled(),
        ),
        (
            "csi",
            volume.csi.is_some(),
            features.pod_spec_volumes_csi.is_enabled(),
        ),
        (
            "ephemeral",
            volume.ephemeral.is_some(),
            features.pod_spec_volumes_ephemeral.is_enabled(),
        ),
        (
            "image",
            volume.image.is_some(),
            features.pod_spec_volumes_image.is_enabled(),
        ),
    ];
    let given: Vec<&str> = sources
        .iter()
        .filter(|(_, set, _)| *set)
        .map(|source| source.0)
        .collect();
    match given.len() {
        0 => FieldErrors::missing_one_of(
            sources
                .iter()
                .filter(|(.., open)| *open)
                .map(|source| source.0),
        ),
        1 => FieldErrors::none(),
        _ => FieldErrors::multiple_one_of(given),
    }
}
