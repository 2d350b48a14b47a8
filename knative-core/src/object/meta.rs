//! Questions asked of any object's metadata.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube_core::Resource;

/// Conveniences over [`kube_core::Resource::meta`] that answer `""` for what is absent.
pub trait ObjectExt {
    /// The metadata.
    fn metadata(&self) -> &ObjectMeta;

    /// The name, or `""`.
    fn name(&self) -> &str {
        self.metadata().name.as_deref().unwrap_or_default()
    }

    /// The namespace, or `""`.
    fn namespace(&self) -> &str {
        self.metadata().namespace.as_deref().unwrap_or_default()
    }

    /// The uid, or `""`.
    fn uid(&self) -> &str {
        self.metadata().uid.as_deref().unwrap_or_default()
    }

    /// The generation of the spec, or 0.
    fn generation(&self) -> i64 {
        self.metadata().generation.unwrap_or_default()
    }

    /// A label's value.
    fn label(&self, key: &str) -> Option<&str> {
        self.metadata()
            .labels
            .as_ref()?
            .get(key)
            .map(String::as_str)
    }

    /// An annotation's value.
    fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata()
            .annotations
            .as_ref()?
            .get(key)
            .map(String::as_str)
    }

    /// Whether deletion was asked for.
    fn is_deleting(&self) -> bool {
        self.metadata().deletion_timestamp.is_some()
    }

    /// Whether `owner` (its uid) is the controller of this object.
    fn is_controlled_by(&self, owner_uid: &str) -> bool {
        controller_of(self.metadata()).is_some_and(|owner| owner.uid == owner_uid)
    }
}

impl<K: Resource> ObjectExt for K {
    fn metadata(&self) -> &ObjectMeta {
        self.meta()
    }
}

/// The owner that controls an object, if any.
pub fn controller_of(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    metadata
        .owner_references
        .iter()
        .flatten()
        .find(|owner| owner.controller == Some(true))
}

/// A reference that makes `owner` the controller of what carries it.
pub fn owner_reference<K: Resource<DynamicType = ()>>(owner: &K) -> OwnerReference {
    OwnerReference {
        api_version: K::api_version(&()).into_owned(),
        kind: K::kind(&()).into_owned(),
        name: owner.name().to_owned(),
        uid: owner.uid().to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
