//! Names of containers that have none.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::object::name::child_name;

use crate::config::Defaults;

pub(super) fn set_defaults(pod: &mut PodSpec, parent: &ObjectMeta, defaults: &Defaults) {
    let containers = pod
        .containers
        .iter()
        .chain(pod.init_containers.iter().flatten());
    let given: BTreeSet<String> = containers.map(|container| container.name.clone()).collect();
    fill(
        &mut pod.containers,
        &given,
        &defaults.user_container_name(parent),
    );
    let init = pod.init_containers.as_deref_mut().unwrap_or_default();
    fill(init, &given, &defaults.init_container_name(parent));
}

/// A single container gets the name itself; several, or one whose name is taken, are numbered, stepping over given
/// names.
fn fill(containers: &mut [Container], given: &BTreeSet<String>, base: &str) {
    let numbered = containers.len() > 1 || given.contains(base);
    let mut free = (0..)
        .map(|number| child_name(base, &format!("-{number}")))
        .filter(|name| !given.contains(name));
    for container in containers
        .iter_mut()
        .filter(|container| container.name.is_empty())
    {
        container.name = if numbered {
            free.next().unwrap_or_default()
        } else {
            base.to_owned()
        };
    }
}
