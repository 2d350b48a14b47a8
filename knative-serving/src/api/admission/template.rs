//! Rules for the template of revisions, which Services and Configurations share.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::admission::{FieldErrors, Level};
use knative_core::object::{Quantity, quote};

use super::metadata::{annotations, whole_seconds, wrong_name, wrong_prefix};
use super::{AdmissionConfig, revision};
use crate::api::RevisionTemplateSpec;
use crate::api::autoscaling::annotation::validate_annotations;
use crate::api::gotype::{canonical, canonicalize, equal, short_diff};
use crate::api::keys::{NETWORKING_GROUP, networking, queue_sidecar, serving};
use crate::api::podspec::Site;
use crate::config::number::{parse_float, print_float};

const TYPE: &str = "RevisionTemplateSpec";

/// Fills in a template. One that keeps the name that was given to it stays as it is, because any change would need
/// another name.
pub(super) fn set_defaults(
    template: &mut RevisionTemplateSpec,
    old: Option<&RevisionTemplateSpec>,
    site: Site<'_>,
    config: &AdmissionConfig,
) {
    let name = template.metadata.name.as_deref().unwrap_or_default();
    let old_name = old
        .and_then(|old| old.metadata.name.as_deref())
        .unwrap_or_default();
    if name.is_empty() || name != old_name {
        revision::set_spec_defaults(&mut template.spec, site, config);
    }
    canonicalize(TYPE, template);
}

/// Whether two templates say the same.
pub(super) fn is_same(old: &RevisionTemplateSpec, new: &RevisionTemplateSpec) -> bool {
    equal(TYPE, &canonical(TYPE, old), &canonical(TYPE, new))
}

/// Findings about a template, with paths below it.
pub(super) fn validate(
    template: &RevisionTemplateSpec,
    parent: &ObjectMeta,
    config: &AdmissionConfig,
) -> FieldErrors {
    let notes = annotations(&template.metadata);
    let annotations = validate_annotations(&config.autoscaler, notes)
        .also(networking_annotations(notes))
        .also(queue_sidecar_annotations(notes))
        .also(whole_seconds(
            notes,
            &[serving::PROGRESS_DEADLINE],
            "progress-deadline",
        ));
    revision::validate_spec(&template.spec, config)
        .via_field("spec")
        .also(annotations.via_field("metadata.annotations"))
        .also(revision_name(&template.metadata, parent))
}

/// A revision whose name was given cannot change under that name. Paths are below the template.
pub(super) fn verify_name_change(
    old: &RevisionTemplateSpec,
    new: &RevisionTemplateSpec,
) -> FieldErrors {
    let name = new.metadata.name.as_deref().unwrap_or_default();
    if name.is_empty() || name != old.metadata.name.as_deref().unwrap_or_default() {
        return FieldErrors::none();
    }
    let (old, new) = (canonical(TYPE, old), canonical(TYPE, new));
    let diff = short_diff("*v1.RevisionTemplateSpec", TYPE, &old, &new);
    if diff.is_empty() {
        return FieldErrors::none();
    }
    let message = "Saw the following changes without a name change (-old +new)";
    FieldErrors::generic(message, ["metadata.name"]).with_details(diff)
}

/// Names of revisions begin with that of what makes them.
fn revision_name(metadata: &ObjectMeta, parent: &ObjectMeta) -> FieldErrors {
    let prefix = metadata.generate_name.as_deref().unwrap_or_default();
    let name = metadata.name.as_deref().unwrap_or_default();
    if let Some(wrong) = wrong_prefix(prefix) {
        return FieldErrors::invalid_value(wrong, "metadata.generateName");
    }
    if let Some(wrong) = wrong_name(name) {
        return FieldErrors::invalid_value(wrong, "metadata.name");
    }
    if name.is_empty() {
        FieldErrors::none()
    } else {
        parent_prefix(name, parent)
    }
}

/// A parent whose own name is yet to be made cannot name its revisions.
fn parent_prefix(name: &str, parent: &ObjectMeta) -> FieldErrors {
    let parent_name = parent.name.as_deref().unwrap_or_default();
    let generated = parent.generate_name.as_deref().unwrap_or_default();
    let prefix = format!("{parent_name}-");
    if parent_name.is_empty() && !generated.is_empty() {
        FieldErrors::disallowed_fields(["metadata.name"])
    } else if name.starts_with(&prefix) {
        FieldErrors::none()
    } else {
        let message = format!("{} must have prefix {}", quote(name), quote(&prefix));
        FieldErrors::invalid_value(message, "metadata.name")
    }
}

pub(super) fn networking_annotations(annotations: &BTreeMap<String, String>) -> FieldErrors {
    const KNOWN: [&str; 9] = [
        networking::INGRESS_CLASS,
        networking::INGRESS_CLASS_ALT,
        networking::CERTIFICATE_CLASS,
        networking::CERTIFICATE_CLASS_ALT,
        networking::DISABLE_EXTERNAL_DOMAIN_TLS,
        networking::DISABLE_AUTO_TLS,
        networking::DISABLE_AUTO_TLS_ALT,
        networking::HTTP_PROTOCOL,
        networking::HTTP_OPTION,
    ];
    let unknown =
        |key: &&String| key.starts_with(NETWORKING_GROUP) && !KNOWN.contains(&key.as_str());
    annotations
        .keys()
        .filter(unknown)
        .map(|key| FieldErrors::invalid_key_name(key, "", [""; 0]))
        .fold(FieldErrors::none(), FieldErrors::also)
}

fn queue_sidecar_annotations(annotations: &BTreeMap<String, String>) -> FieldErrors {
    const QUANTITIES: [&str; 6] = [
        queue_sidecar::CPU_REQUEST,
        queue_sidecar::CPU_LIMIT,
        queue_sidecar::MEMORY_REQUEST,
        queue_sidecar::MEMORY_LIMIT,
        queue_sidecar::EPHEMERAL_STORAGE_REQUEST,
        queue_sidecar::EPHEMERAL_STORAGE_LIMIT,
    ];
    QUANTITIES
        .into_iter()
        .filter_map(|key| Some((key, annotations.get(key)?)))
        .filter(|(_, text)| text.parse::<Quantity>().is_err())
        .map(|(key, text)| FieldErrors::invalid_value(text, "").via_key(key))
        .fold(resource_percentage(annotations), FieldErrors::also)
}

fn resource_percentage(annotations: &BTreeMap<String, String>) -> FieldErrors {
    const DEPRECATED: &str = "Queue proxy resource percentage annotation is deprecated. \
        Please use the available annotations to explicitly set resource values per service";
    let keys = [
        queue_sidecar::RESOURCE_PERCENTAGE,
        queue_sidecar::RESOURCE_PERCENTAGE_ALT,
    ];
    let Some((key, text)) = keys
        .into_iter()
        .find_map(|key| Some((key, annotations.get(key)?)))
    else {
        return FieldErrors::none();
    };
    let found = match parse_float(text) {
        Err(_) => FieldErrors::invalid_value(text, ""),
        // No bound holds off what is not a number.
        Ok(value) if value.is_nan() || (0.1..=100.0).contains(&value) => FieldErrors::none(),
        Ok(value) => FieldErrors::out_of_bounds(print_float(value), 0.1, 100, ""),
    };
    FieldErrors::generic(DEPRECATED, [""; 0])
        .at(Level::Warning)
        .also(found.via_key(key))
}
