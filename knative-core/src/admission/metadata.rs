//! Rules that every object's metadata keeps, in the words of Kubernetes.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use crate::{
    Kind,
    object::{Object, name, quote},
    store::Cause,
};

/// Keys and values of all annotations together.
const ANNOTATIONS_LIMIT: usize = 256 << 10;

type Rule = fn(&str) -> Vec<String>;

/// Everything that is wrong with the metadata.
pub(super) fn check(kind: &Kind, object: &Object) -> Vec<Cause> {
    let metadata = &object.metadata;
    let (whole, prefix) = naming(kind);
    let mut causes = Vec::new();
    let texts = [
        ("metadata.generateName", &metadata.generate_name, prefix),
        ("metadata.name", &metadata.name, whole),
    ];
    for (field, text, rule) in texts {
        if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
            causes.extend(invalid(field, text, rule(text)));
        }
    }
    for (key, value) in metadata.labels.iter().flatten() {
        causes.extend(invalid("metadata.labels", key, name::qualified_name(key)));
        causes.extend(invalid("metadata.labels", value, name::label_value(value)));
    }
    causes.extend(metadata.annotations.iter().flat_map(check_annotations));
    for finalizer in metadata.finalizers.iter().flatten() {
        let wrong = name::qualified_name(finalizer);
        causes.extend(invalid("metadata.finalizers", finalizer, wrong));
    }
    causes.extend(
        metadata
            .owner_references
            .iter()
            .flatten()
            .flat_map(check_owner),
    );
    causes
}

/// How objects of a kind may be named, and how a `generateName` may begin.
fn naming(kind: &Kind) -> (Rule, Rule) {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "Namespace") => (name::dns1123_label, name::dns1123_label_prefix),
        ("", "Service") => (name::dns1035_label, name::dns1035_prefix),
        _ => (name::dns1123_subdomain, name::dns1123_subdomain_prefix),
    }
}

fn check_annotations(annotations: &BTreeMap<String, String>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut size = 0;
    for (key, value) in annotations {
        let wrong = name::qualified_name(&key.to_lowercase());
        causes.extend(invalid("metadata.annotations", key, wrong));
        size += key.len() + value.len();
    }
    if size > ANNOTATIONS_LIMIT {
        causes.push(Cause {
            reason: "FieldValueTooLong".to_owned(),
            message: format!("Too long: may not be more than {ANNOTATIONS_LIMIT} bytes"),
            field: "metadata.annotations".to_owned(),
        });
    }
    causes
}

fn check_owner(owner: &OwnerReference) -> Vec<Cause> {
    let parts = [
        (
            "apiVersion",
            &owner.api_version,
            "version must not be empty",
        ),
        ("kind", &owner.kind, "must not be empty"),
        ("name", &owner.name, "must not be empty"),
        ("uid", &owner.uid, "must not be empty"),
    ];
    let empty = parts.into_iter().filter(|(_, value, _)| value.is_empty());
    let causes = empty.map(|(part, _, why)| {
        let field = format!("metadata.ownerReferences.{part}");
        invalid(&field, "", vec![why.to_owned()])
    });
    causes.flatten().collect()
}

fn invalid(field: &str, value: &str, wrong: Vec<String>) -> Vec<Cause> {
    let causes = wrong.into_iter().map(|why| Cause {
        reason: "FieldValueInvalid".to_owned(),
        message: format!("Invalid value: {}: {why}", quote(value)),
        field: field.to_owned(),
    });
    causes.collect()
}
