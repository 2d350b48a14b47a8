//! One container.

use k8s_openapi::api::core::v1::Container;
use knative_core::admission::FieldErrors;
use knative_core::object::{ImageReference, quote};

use super::{Volumes, env, mask, mount, port, probe, security};
use crate::config::Features;

/// What a container is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Role<'a> {
    /// It answers requests; its port has this name.
    Serving(&'a str),
    /// It runs beside.
    Sidecar,
    /// It runs before.
    Init,
}

/// Names that the platform gives to containers of its own.
const RESERVED_NAMES: [&str; 1] = ["queue-proxy"];

pub(super) fn validate(
    container: &Container,
    role: Role<'_>,
    volumes: &Volumes<'_>,
    features: &Features,
) -> FieldErrors {
    probes(container, role, features).also(body(container, role, volumes, features))
}

fn probes(container: &Container, role: Role<'_>, features: &Features) -> FieldErrors {
    let [liveness, readiness, startup] = [
        &container.liveness_probe,
        &container.readiness_probe,
        &container.startup_probe,
    ]
    .map(Option::as_ref);
    match role {
        Role::Init => init_only(container),
        Role::Sidecar if !features.multi_container_probing.is_enabled() => [
            ("livenessProbe", liveness),
            ("readinessProbe", readiness),
            ("startupProbe", startup),
        ]
        .into_iter()
        .filter_map(|(field, probe)| Some(mask::no_probe(probe?).via_field(field)))
        .fold(FieldErrors::none(), FieldErrors::also),
        _ => {
            let port = match role {
                Role::Serving(port) => Some(port),
                _ => None,
            };
            probe::validate(liveness, port)
                .via_field("livenessProbe")
                .also(probe::readiness(readiness, port).via_field("readinessProbe"))
                .also(probe::validate(startup, port).via_field("startupProbe"))
        }
    }
}

fn init_only(container: &Container) -> FieldErrors {
    [
        ("livenessProbe", container.liveness_probe.is_some()),
        ("readinessProbe", container.readiness_probe.is_some()),
        ("startupProbe", container.startup_probe.is_some()),
        ("lifecycle", container.lifecycle.is_some()),
    ]
    .into_iter()
    .filter(|(_, set)| *set)
    .map(|(field, _)| FieldErrors::generic("field not allowed in an init container", [field]))
    .fold(FieldErrors::none(), FieldErrors::also)
}

fn body(
    container: &Container,
    role: Role<'_>,
    volumes: &Volumes<'_>,
    features: &Features,
) -> FieldErrors {
    if *container == Container::default() {
        return FieldErrors::missing_field([""]);
    }
    let ports = container.ports.as_deref().unwrap_or_default();
    let ports = if role == Role::Init {
        port::of_init(ports)
    } else {
        port::of_container(ports)
    };
    let resources = container
        .resources
        .as_ref()
        .map(mask::resources)
        .unwrap_or_default();
    mask::container(container)
        .also(reserved_name(&container.name))
        .also(
            env::list(container.env.as_deref().unwrap_or_default(), role, features)
                .via_field("env"),
        )
        .also(env::sources(container.env_from.as_deref().unwrap_or_default()).via_field("envFrom"))
        .also(image(container.image.as_deref().unwrap_or_default()))
        .also(ports.via_field("ports"))
        .also(resources.via_field("resources"))
        .also(
            security::container(container.security_context.as_ref(), features)
                .via_field("securityContext"),
        )
        .also(message_policy(container))
        .also(mount::validate(container, volumes, features).via_field("volumeMounts"))
}

fn reserved_name(name: &str) -> FieldErrors {
    if !RESERVED_NAMES.contains(&name) {
        return FieldErrors::none();
    }
    FieldErrors::generic(
        format!("{} is a reserved container name", quote(name)),
        ["name"],
    )
}

fn image(image: &str) -> FieldErrors {
    if image.is_empty() {
        return FieldErrors::missing_field(["image"]);
    }
    match image.parse::<ImageReference>() {
        Ok(_) => FieldErrors::none(),
        Err(error) => FieldErrors::generic("Failed to parse image reference", ["image"])
            .with_details(format!("image: {}, error: {error}", quote(image))),
    }
}

fn message_policy(container: &Container) -> FieldErrors {
    match container.termination_message_policy.as_deref() {
        None | Some("" | "File" | "FallbackToLogsOnError") => FieldErrors::none(),
        Some(other) => FieldErrors::invalid_value(other, "terminationMessagePolicy"),
    }
}
