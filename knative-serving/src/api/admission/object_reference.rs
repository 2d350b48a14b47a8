//! Rules for references to a workload in the same namespace.

use k8s_openapi::api::core::v1::ObjectReference;
use knative_core::admission::FieldErrors;
use knative_core::object::name::{c_identifier, dns1123_label, qualified_name};

/// Findings about a reference, with paths below it: version, kind and name are needed, anything else is not for it.
pub(super) fn validate(reference: &ObjectReference) -> FieldErrors {
    let ObjectReference {
        api_version,
        field_path,
        kind,
        name,
        namespace,
        resource_version,
        uid,
    } = reference;
    let disallowed = [
        ("fieldPath", field_path),
        ("namespace", namespace),
        ("resourceVersion", resource_version),
        ("uid", uid),
    ];
    let set = disallowed
        .into_iter()
        .filter(|(_, value)| value.as_deref().is_some_and(|text| !text.is_empty()));
    set.map(|(path, _)| FieldErrors::disallowed_fields([path]))
        .fold(FieldErrors::none(), FieldErrors::also)
        .also(required(
            api_version.as_deref(),
            "apiVersion",
            qualified_name,
        ))
        .also(required(kind.as_deref(), "kind", c_identifier))
        .also(required(name.as_deref(), "name", dns1123_label))
}

/// A text that must be there and pass `check`.
fn required(text: Option<&str>, path: &str, check: impl Fn(&str) -> Vec<String>) -> FieldErrors {
    match text {
        None | Some("") => FieldErrors::missing_field([path]),
        Some(text) => {
            let wrong = check(text);
            if wrong.is_empty() {
                FieldErrors::none()
            } else {
                FieldErrors::invalid_value(wrong.join(", "), path)
            }
        }
    }
}

/// Findings about the protocol between the parts of a revision.
pub(super) fn protocol(protocol: &str) -> FieldErrors {
    match protocol {
        "http1" | "h2c" => FieldErrors::none(),
        "" => FieldErrors::missing_field(["protocolType"]),
        other => FieldErrors::invalid_value(other, "protocolType"),
    }
}
