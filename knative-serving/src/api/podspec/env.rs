//! Environment variables and where they come from.

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar};
use knative_core::admission::FieldErrors;
use knative_core::object::quote;

use super::container::Role;
use super::mask;
use crate::config::Features;

/// Variables that the platform sets.
const RESERVED: [&str; 3] = ["K_SERVICE", "K_CONFIGURATION", "K_REVISION"];
/// Set by the platform in the serving container.
const PORT: &str = "PORT";

pub(super) fn list(env: &[EnvVar], role: Role<'_>, features: &Features) -> FieldErrors {
    env.iter()
        .enumerate()
        .fold(FieldErrors::none(), |errors, (index, variable)| {
            errors.also(one(variable, role, features).via_index(index))
        })
}

fn one(variable: &EnvVar, role: Role<'_>, features: &Features) -> FieldErrors {
    let source = variable.value_from.as_ref();
    let source = source
        .map(|source| mask::env_source(source, features))
        .unwrap_or_default();
    name(&variable.name, role).also(source.via_field("valueFrom"))
}

fn name(name: &str, role: Role<'_>) -> FieldErrors {
    let port = matches!(role, Role::Serving(_)) && name == PORT;
    if name.is_empty() {
        FieldErrors::missing_field(["name"])
    } else if port || RESERVED.contains(&name) {
        let message = format!("{} is a reserved environment variable", quote(name));
        FieldErrors::generic(message, ["name"])
    } else {
        FieldErrors::none()
    }
}

/// Whole maps as variables. What was found about earlier sources comes below each later one that is set, and a
/// source that is none or several has no index in its path, as Knative's paths go.
pub(super) fn sources(list: &[EnvFromSource]) -> FieldErrors {
    let mut errors = FieldErrors::none();
    for (index, source) in list.iter().enumerate() {
        let (secret, map) = (source.secret_ref.is_some(), source.config_map_ref.is_some());
        if secret {
            errors = errors.via_index(index).via_field("secretRef");
        }
        if map {
            errors = errors.via_index(index).via_field("configMapRef");
        }
        let fields = ["configMapRef", "secretRef"];
        match (map, secret) {
            (true, true) => errors.push(FieldErrors::multiple_one_of(fields)),
            (false, false) => errors.push(FieldErrors::missing_one_of(fields)),
            _ => {}
        }
    }
    errors
}
