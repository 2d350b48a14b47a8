//! References to objects.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::admission::FieldErrors;
use knative_core::object::quote;

use crate::api::KReference;

/// The namespace is that of the object that refers.
pub(super) fn set_defaults(reference: &mut KReference, parent: &ObjectMeta) {
    if reference.namespace.is_empty() {
        reference.namespace = parent.namespace.clone().unwrap_or_default();
    }
}

/// Findings about a reference within one namespace, by group and version, with paths below it.
pub(super) fn validate(reference: &KReference, parent: &ObjectMeta) -> FieldErrors {
    let required = [
        ("name", &reference.name),
        ("apiVersion", &reference.api_version),
        ("kind", &reference.kind),
    ];
    let missing = required.iter().filter(|(_, value)| value.is_empty());
    let mut errors = missing
        .map(|(field, _)| FieldErrors::missing_field([*field]))
        .fold(FieldErrors::none(), FieldErrors::also);
    if !reference.group.is_empty() {
        errors.push(FieldErrors::disallowed_fields(["group"]));
    }
    errors.also(namespace(
        &reference.namespace,
        parent.namespace.as_deref().unwrap_or_default(),
    ))
}

fn namespace(namespace: &str, parent: &str) -> FieldErrors {
    if namespace.is_empty() || parent.is_empty() || namespace == parent {
        return FieldErrors::none();
    }
    let (parent, namespace) = (quote(parent), quote(namespace));
    FieldErrors::generic("mismatched namespaces", ["namespace"]).with_details(format!(
        "parent namespace: {parent} does not match ref: {namespace}"
    ))
}
