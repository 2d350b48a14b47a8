//! What a pod spec gets where it says nothing.
//!
//! Source: serving `pkg/apis/serving/v1/revision_defaults.go`.

mod name;
mod probe;
mod security;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::mount::is_writable;
use crate::config::{Defaults, Features};

/// Where the pod spec stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site<'a> {
    /// Metadata of the object that is written; names of containers are made from it.
    pub(crate) parent: &'a ObjectMeta,
    /// Whether the object is new.
    pub(crate) create: bool,
}

/// Fills in what is left open.
pub(crate) fn set_defaults(
    pod: &mut PodSpec,
    site: Site<'_>,
    defaults: &Defaults,
    features: &Features,
) {
    name::set_defaults(pod, site.parent, defaults);
    let single = pod.containers.len() == 1;
    let writable = writable_volumes(pod);
    for container in &mut pod.containers {
        resources(container, defaults);
        let serves = single
            || container
                .ports
                .as_ref()
                .is_some_and(|ports| !ports.is_empty());
        probe::set_defaults(container, serves);
        mounts(container, &writable);
    }
    if pod.enable_service_links.is_none() && site.create && !pod.containers.is_empty() {
        pod.enable_service_links = defaults.enable_service_links;
    }
    security::set_defaults(pod, features);
}

fn writable_volumes(pod: &PodSpec) -> BTreeSet<String> {
    let volumes = pod.volumes.iter().flatten();
    volumes
        .filter(|volume| is_writable(volume))
        .map(|volume| volume.name.clone())
        .collect()
}

/// Mounts of volumes that cannot be written to are read-only.
fn mounts(container: &mut Container, writable: &BTreeSet<String>) {
    for mount in container.volume_mounts.iter_mut().flatten() {
        if !writable.contains(&mount.name) {
            mount.read_only = Some(true);
        }
    }
}

fn resources(container: &mut Container, defaults: &Defaults) {
    let requests = [
        ("cpu", &defaults.revision_cpu_request),
        ("memory", &defaults.revision_memory_request),
        (
            "ephemeral-storage",
            &defaults.revision_ephemeral_storage_request,
        ),
    ];
    let limits = [
        ("cpu", &defaults.revision_cpu_limit),
        ("memory", &defaults.revision_memory_limit),
        (
            "ephemeral-storage",
            &defaults.revision_ephemeral_storage_limit,
        ),
    ];
    let resources = container.resources.get_or_insert_default();
    fill(&mut resources.requests, requests);
    fill(&mut resources.limits, limits);
}

fn fill(list: &mut Option<BTreeMap<String, Quantity>>, defaults: [(&str, &Option<Quantity>); 3]) {
    for (name, quantity) in defaults {
        if let Some(quantity) = quantity {
            let list = list.get_or_insert_default();
            list.entry(name.to_owned())
                .or_insert_with(|| quantity.clone());
        }
    }
}
