//! Rules for names, labels and annotations.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::admission::FieldErrors;
use knative_core::object::name::{dns1035_label, dns1035_prefix};
use knative_core::object::parse_duration;

use crate::api::keys::AUTOSCALING_GROUP;
use crate::api::keys::serving::{ROLLOUT_DURATION, ROLLOUT_DURATION_ALT};

/// The annotations of an object.
pub(super) fn annotations(metadata: &ObjectMeta) -> &BTreeMap<String, String> {
    static NONE: BTreeMap<String, String> = BTreeMap::new();
    metadata.annotations.as_ref().unwrap_or(&NONE)
}

/// The name is a DNS 1035 label, or is to be made from a prefix of one. Paths are below the metadata.
pub(super) fn name(metadata: &ObjectMeta) -> FieldErrors {
    let name = metadata.name.as_deref().unwrap_or_default();
    let prefix = metadata.generate_name.as_deref().unwrap_or_default();
    if name.is_empty() && prefix.is_empty() {
        return FieldErrors::generic("name or generateName is required", ["name"]);
    }
    if let Some(wrong) = wrong_prefix(prefix) {
        return FieldErrors::generic(wrong, ["generateName"]);
    }
    wrong_name(name)
        .map(|wrong| FieldErrors::generic(wrong, ["name"]))
        .unwrap_or_default()
}

/// What is wrong with a name, unless it is empty.
pub(super) fn wrong_name(name: &str) -> Option<String> {
    let wrong = if name.is_empty() {
        Vec::new()
    } else {
        dns1035_label(name)
    };
    listed("not a DNS 1035 label: ", &wrong)
}

/// What is wrong with a prefix of a name, unless it is empty.
pub(super) fn wrong_prefix(prefix: &str) -> Option<String> {
    let wrong = if prefix.is_empty() {
        Vec::new()
    } else {
        dns1035_prefix(prefix)
    };
    listed("not a DNS 1035 label prefix: ", &wrong)
}

fn listed(what: &str, wrong: &[String]) -> Option<String> {
    (!wrong.is_empty()).then(|| format!("{what}[{}]", wrong.join(" ")))
}

/// Autoscaling annotations work on templates only. Paths are below the metadata.
pub(super) fn no_autoscaling(metadata: &ObjectMeta) -> FieldErrors {
    const HINT: &str =
        r#"autoscaling annotations must be put under "spec.template.metadata.annotations" to work"#;
    let keys = annotations(metadata)
        .keys()
        .filter(|key| key.starts_with(AUTOSCALING_GROUP));
    keys.map(|key| FieldErrors::invalid_key_name(key, "", [HINT]))
        .fold(FieldErrors::none(), FieldErrors::also)
        .via_field("annotations")
}

/// The duration of a gradual rollout. Paths are below the metadata.
pub(super) fn rollout_duration(metadata: &ObjectMeta) -> FieldErrors {
    whole_seconds(
        annotations(metadata),
        &[ROLLOUT_DURATION, ROLLOUT_DURATION_ALT],
        "rollout-duration",
    )
    .via_field("annotations")
}

/// A duration in whole seconds, not negative; an empty one is as good as none. The first key that is there counts.
pub(super) fn whole_seconds(
    annotations: &BTreeMap<String, String>,
    keys: &[&str],
    name: &str,
) -> FieldErrors {
    let found = keys
        .iter()
        .find_map(|key| Some((*key, annotations.get(*key)?)));
    let Some((key, text)) = found.filter(|(_, text)| !text.is_empty()) else {
        return FieldErrors::none();
    };
    match parse_duration(text) {
        Err(_) => FieldErrors::invalid_value(text, key),
        Ok(duration) if duration.subsec_nanos() != 0 => {
            FieldErrors::generic(format!("{name}={text} is not at second precision"), [key])
        }
        Ok(duration) if duration.is_negative() => {
            FieldErrors::generic(format!("{name}={text} must be positive"), [key])
        }
        Ok(_) => FieldErrors::none(),
    }
}

/// A label that names an owner of some kind must name one that there is. Paths are below the metadata.
pub(super) fn owner_label(metadata: &ObjectMeta, key: &str, kind: &str) -> FieldErrors {
    let Some(value) = metadata.labels.as_ref().and_then(|labels| labels.get(key)) else {
        return FieldErrors::none();
    };
    let mut owners = metadata.owner_references.iter().flatten();
    if owners.any(|owner| owner.kind == kind && owner.name == *value) {
        FieldErrors::none()
    } else {
        FieldErrors::missing_field([key]).via_field("labels")
    }
}

/// Even an empty list of owners counts.
pub(super) fn is_owned(metadata: &ObjectMeta) -> bool {
    metadata.owner_references.is_some()
}
