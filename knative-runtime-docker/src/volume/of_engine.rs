//! Volumes that the engine keeps. They are made before the containers that mount them: what Podman makes along with a
//! container has neither labels nor a bound.

use std::collections::HashMap;

use bollard::models::{Mount, MountType, MountVolumeOptions, VolumeCreateRequest};
use knative_core::runtime::{InstanceSpec, VolumeSource, VolumeSpec};

use crate::label;

/// The volumes of the engine that an instance needs, as the engine is asked for them: those that live as long as it does,
/// and claims, which may be there.
pub(crate) fn needed(platform: &str, spec: &InstanceSpec) -> Vec<VolumeCreateRequest> {
    let volumes = spec.volumes.iter().filter_map(|volume| {
        let name = Some(name(platform, spec, volume)?);
        let own = match &volume.source {
            VolumeSource::Claim { name, .. } => vec![
                (label::NAMESPACE, spec.workload.namespace.to_string()),
                (label::CLAIM, name.clone()),
            ],
            _ => vec![(label::INSTANCE, spec.id.to_string())],
        };
        let labels = own
            .into_iter()
            .chain([(label::PLATFORM, platform.to_owned())]);
        let labels = labels.map(|(label, value)| (label.to_owned(), value));
        Some(VolumeCreateRequest {
            name,
            driver: Some("local".to_owned()),
            driver_opts: options(&volume.source),
            labels: Some(labels.collect()),
            ..VolumeCreateRequest::default()
        })
    });
    volumes.collect()
}

/// The mounts of the container that holds these volumes and opens them to its instance's users.
pub(crate) fn held(platform: &str, spec: &InstanceSpec) -> Vec<Mount> {
    let volumes = spec.volumes.iter().filter_map(|volume| {
        Some(Mount {
            target: Some(format!("/volumes/{}", volume.name)),
            ..mount(name(platform, spec, volume)?)
        })
    });
    volumes.collect()
}

/// The mount of a volume of the engine.
pub(super) fn mount(name: String) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(name),
        volume_options: Some(MountVolumeOptions {
            // What the image has in its place is hidden, as in Kubernetes.
            no_copy: Some(true),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    }
}

/// What the engine calls a volume, if it is one of its own.
pub(super) fn name(platform: &str, spec: &InstanceSpec, volume: &VolumeSpec) -> Option<String> {
    match &volume.source {
        VolumeSource::Empty { .. } => Some(format!("kn-{platform}.{}.{}", spec.id, volume.name)),
        VolumeSource::Claim { name, .. } => {
            let namespace = &spec.workload.namespace;
            Some(format!("kn-{platform}.claim.{namespace}.{name}"))
        }
        _ => None,
    }
}

/// What makes a volume one in memory.
fn options(source: &VolumeSource) -> Option<HashMap<String, String>> {
    let VolumeSource::Empty {
        memory: true,
        size_limit,
    } = source
    else {
        return None;
    };
    let size = size_limit.map(|size| ("o", format!("size={size},mode=0777")));
    let of_memory = ["type", "device"].map(|name| (name, "tmpfs".to_owned()));
    let options = of_memory.into_iter().chain(size);
    Some(
        options
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}
