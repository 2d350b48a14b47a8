//! Where volumes are mounted.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, Volume, VolumeMount};
use knative_core::admission::FieldErrors;
use knative_core::object::quote;

use super::clean_path::clean;
use super::{Volumes, mask};
use crate::config::Features;

/// Paths that the platform needs.
const RESERVED: [&str; 3] = ["/", "/dev", "/dev/log"];

pub(super) fn validate(
    container: &Container,
    volumes: &Volumes<'_>,
    features: &Features,
) -> FieldErrors {
    let mut errors = FieldErrors::none();
    let mut seen = BTreeSet::new();
    for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
        let volume = volumes.get(mount.name.as_str()).copied();
        let found = mask::mount(mount, features)
            .also(matching(volume))
            .also(path(&mount.mount_path, &seen))
            .also(access(mount, volume))
            .also(propagation(mount, features));
        errors.push(found.via_index(index));
        seen.insert(clean(&mount.mount_path));
    }
    errors
}

fn matching(volume: Option<&Volume>) -> FieldErrors {
    match volume {
        Some(_) => FieldErrors::none(),
        None => FieldErrors::generic("volumeMount has no matching volume", ["name"]),
    }
}

fn path(path: &str, seen: &BTreeSet<String>) -> FieldErrors {
    let cleaned = clean(path);
    if path.is_empty() {
        FieldErrors::missing_field(["mountPath"])
    } else if RESERVED.contains(&cleaned.as_str()) {
        let message = format!("mountPath {} is a reserved path", quote(&cleaned));
        FieldErrors::generic(message, ["mountPath"])
    } else if !path.starts_with('/') {
        FieldErrors::invalid_value(path, "mountPath")
    } else if seen.contains(&cleaned) {
        FieldErrors::invalid_value(format!("{} must be unique", quote(path)), "mountPath")
    } else {
        FieldErrors::none()
    }
}

/// Whether a volume may be written to by containers.
pub(super) fn is_writable(volume: &Volume) -> bool {
    volume.empty_dir.is_some()
        || volume.persistent_volume_claim.is_some()
        || volume.ephemeral.is_some()
}

fn access(mount: &VolumeMount, volume: Option<&Volume>) -> FieldErrors {
    if mount.read_only == Some(true) {
        return FieldErrors::none();
    }
    let claim = volume.and_then(|volume| volume.persistent_volume_claim.as_ref());
    if !volume.is_some_and(is_writable) {
        let message = "volume mount should be readOnly for this type of volume";
        FieldErrors::generic(message, ["readOnly"])
    } else if claim.is_some_and(|claim| claim.read_only == Some(true)) {
        FieldErrors::generic("volume is readOnly but volume mount is not", ["readOnly"])
    } else {
        FieldErrors::none()
    }
}

fn propagation(mount: &VolumeMount, features: &Features) -> FieldErrors {
    let Some(propagation) = mount.mount_propagation.as_deref() else {
        return FieldErrors::none();
    };
    let mut errors = FieldErrors::none();
    if !features.pod_spec_volumes_mount_propagation.is_enabled() {
        let message = format!(
            "Volume Mount Propagation support is disabled, but found volume mount {} with mount propagation",
            mount.name
        );
        errors.push(FieldErrors::generic(message, [""; 0]));
    }
    if !matches!(propagation, "None" | "HostToContainer") {
        let message = "mount propagation should be set to None or HostToContainer";
        errors.push(FieldErrors::generic(message, ["mountPropagation"]));
    }
    errors
}
