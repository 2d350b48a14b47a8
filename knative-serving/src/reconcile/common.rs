//! Metadata of objects that are made for another one.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::object::{ObjectExt as _, owner_reference};
use kube_core::Resource;

/// Labels or annotations.
pub(crate) type Pairs = BTreeMap<String, String>;

/// Copies `pairs` without the named keys.
pub(crate) fn without(pairs: Option<&Pairs>, keys: &[&str]) -> Pairs {
    let mut copy = pairs.cloned().unwrap_or_default();
    copy.retain(|key, _| !keys.contains(&key.as_str()));
    copy
}

/// Sets pairs; later ones win.
pub(crate) fn with<'a>(
    mut pairs: Pairs,
    more: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Pairs {
    for (key, value) in more {
        pairs.insert(key.to_owned(), value.to_owned());
    }
    pairs
}

/// Absent rather than empty.
pub(crate) fn non_empty(pairs: Pairs) -> Option<Pairs> {
    (!pairs.is_empty()).then_some(pairs)
}

/// Metadata of an object in the namespace of `owner` and controlled by it.
pub(crate) fn owned_by<K: Resource<DynamicType = ()>>(
    owner: &K,
    name: String,
    labels: Pairs,
    annotations: Pairs,
) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(owner.namespace().to_owned()),
        labels: non_empty(labels),
        annotations: non_empty(annotations),
        owner_references: Some(vec![owner_reference(owner)]),
        ..ObjectMeta::default()
    }
}

/// The metadata of an object that exists, with the labels and annotations that are wanted; all else stays.
pub fn with_desired(existing: &ObjectMeta, desired: &ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        labels: desired.labels.clone(),
        annotations: desired.annotations.clone(),
        ..existing.clone()
    }
}
