//! Rules for the pod spec of a revision: which fields may be set, and what their values may be.
//!
//! Source: serving `pkg/apis/serving/{fieldmask,k8s_validation}.go`.

mod clean_path;
mod container;
mod default;
mod env;
mod mask;
mod mount;
mod port;
mod probe;
mod projected;
mod security;
pub(crate) mod trial;
mod volume;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec, Volume};
use knative_core::admission::FieldErrors;
use knative_core::object::name::dns1123_subdomain;

use self::container::Role;
pub(crate) use self::default::{Site, set_defaults};
use crate::api::gotype::canonicalize;
use crate::config::Features;

/// Volumes by name.
type Volumes<'a> = BTreeMap<&'a str, &'a Volume>;

/// All findings about a pod spec, with paths below it.
pub(crate) fn validate(pod: &PodSpec, features: &Features) -> FieldErrors {
    let mut pod = pod.clone();
    canonicalize("PodSpec", &mut pod);
    let volumes: Volumes<'_> = pod
        .volumes
        .iter()
        .flatten()
        .map(|volume| (volume.name.as_str(), volume))
        .collect();
    mask::pod(&pod, features)
        .also(security::pod(pod.security_context.as_ref(), features).via_field("securityContext"))
        .also(security::warnings(&pod, features))
        .also(volume::validate(&pod, features).via_field("volumes"))
        .also(init_containers(&pod, &volumes, features))
        .also(port::count(&pod.containers).via_field("containers[*]"))
        .also(containers(&pod.containers, &volumes, features))
        .also(service_account(
            pod.service_account_name.as_deref().unwrap_or_default(),
        ))
}

fn containers(list: &[Container], volumes: &Volumes<'_>, features: &Features) -> FieldErrors {
    let port = port::name(list);
    match list {
        [] => FieldErrors::missing_field(["containers"]),
        [only] => container::validate(only, Role::Serving(&port), volumes, features)
            .via_field_index("containers", 0),
        several => several_containers(several, &port, volumes, features),
    }
}

/// Paths of repeated names pile up: what was found before is below the later container, too.
fn several_containers(
    list: &[Container],
    port: &str,
    volumes: &Volumes<'_>,
    features: &Features,
) -> FieldErrors {
    if !features.multi_container.is_enabled() {
        let message = format!(
            "multi-container is off, but found {} containers",
            list.len()
        );
        return FieldErrors::generic(message, [""; 0]);
    }
    let mut errors = FieldErrors::none();
    for (index, each) in list.iter().enumerate() {
        if list[..index]
            .iter()
            .any(|earlier| earlier.name == each.name)
        {
            errors = errors
                .also(duplicate(&each.name))
                .via_field_index("containers", index);
        }
        let role = match each.ports.as_deref().unwrap_or_default() {
            [] => Role::Sidecar,
            _ => Role::Serving(port),
        };
        let found = container::validate(each, role, volumes, features);
        errors.push(found.via_field_index("containers", index));
    }
    errors
}

/// The paths say `containers`, as Knative's do.
fn init_containers(pod: &PodSpec, volumes: &Volumes<'_>, features: &Features) -> FieldErrors {
    let list = pod.init_containers.as_deref().unwrap_or_default();
    if list.is_empty() {
        return FieldErrors::none();
    }
    if !features.pod_spec_init_containers.is_enabled() {
        let count = list.len();
        let message = format!(
            "pod spec support for init-containers is off, but found {count} init containers"
        );
        return FieldErrors::generic(message, [""; 0]);
    }
    let mut errors = FieldErrors::none();
    for (index, each) in list.iter().enumerate() {
        if pod.containers.iter().any(|other| other.name == each.name) {
            errors = errors
                .also(duplicate(&each.name))
                .via_field_index("containers", index);
        }
        let found = container::validate(each, Role::Init, volumes, features);
        errors.push(found.via_field_index("containers", index));
    }
    errors
}

fn duplicate(name: &str) -> FieldErrors {
    let message = format!(
        "duplicate container name {}",
        knative_core::object::quote(name)
    );
    FieldErrors::generic(message, ["name"])
}

fn service_account(name: &str) -> FieldErrors {
    let wrong = if name.is_empty() {
        Vec::new()
    } else {
        dns1123_subdomain(name)
    };
    wrong
        .into_iter()
        .fold(FieldErrors::none(), |errors, detail| {
            errors.also(FieldErrors::invalid_value(name, "serviceAccountName").with_details(detail))
        })
}

#[cfg(test)]
mod tests;
