//! Ports of containers.

use k8s_openapi::api::core::v1::{Container, ContainerPort};
use knative_core::admission::FieldErrors;

use super::mask;

/// Ports of the queue sidecar: two for requests, one for its administration, two for metrics, one for profiles.
const RESERVED: [i32; 6] = [8012, 8013, 8022, 9090, 9091, 8008];

/// Name of the serving port where none is given.
const DEFAULT_NAME: &str = "http";

/// The name of the port that requests go to.
pub(super) fn name(containers: &[Container]) -> String {
    let first = containers
        .iter()
        .rev()
        .find_map(|container| container.ports.as_deref()?.first());
    let name = first
        .and_then(|port| port.name.as_deref())
        .filter(|name| !name.is_empty());
    name.unwrap_or(DEFAULT_NAME).to_owned()
}

/// Exactly one port among all containers, or none at all where there is but one.
pub(super) fn count(containers: &[Container]) -> FieldErrors {
    let count: usize = containers
        .iter()
        .map(|container| container.ports.as_deref().map_or(0, <[_]>::len))
        .sum();
    match count {
        0 if containers.len() > 1 => FieldErrors::missing_field(["ports"]),
        0 | 1 => FieldErrors::none(),
        _ => FieldErrors::generic("more than one container port is set", ["ports"])
            .with_details("Only a single port is allowed across all containers"),
    }
}

/// Only the first port is looked at: further ones are told by [`count`].
pub(super) fn of_container(ports: &[ContainerPort]) -> FieldErrors {
    let Some(port) = ports.first() else {
        return FieldErrors::none();
    };
    basics(port).also(protocol(port)).also(port_name(port))
}

pub(super) fn of_init(ports: &[ContainerPort]) -> FieldErrors {
    ports
        .iter()
        .map(basics)
        .fold(FieldErrors::none(), FieldErrors::also)
}

fn basics(port: &ContainerPort) -> FieldErrors {
    let number = port.container_port;
    let mut errors = mask::port(port);
    if RESERVED.contains(&number) {
        let value = format!("{number} is a reserved port");
        let details = format!("{value}, please use a different value");
        errors.push(FieldErrors::invalid_value(value, "containerPort").with_details(details));
    }
    if !(0..=65535).contains(&number) {
        errors.push(FieldErrors::out_of_bounds(
            number,
            0,
            65535,
            "containerPort",
        ));
    }
    errors
}

fn protocol(port: &ContainerPort) -> FieldErrors {
    match port.protocol.as_deref() {
        None | Some("" | "TCP") => FieldErrors::none(),
        Some(other) => FieldErrors::invalid_value(other, "protocol"),
    }
}

fn port_name(port: &ContainerPort) -> FieldErrors {
    match port.name.as_deref() {
        None | Some("" | "h2c" | "http1") => FieldErrors::none(),
        Some(other) => FieldErrors::generic(format!("Port name {other} is not allowed"), [""])
            .with_details("Name must be empty, or one of: 'h2c', 'http1'"),
    }
}
