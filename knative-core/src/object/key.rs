//! How kinds and objects are named.

use std::{borrow::Cow, fmt};

use kube_core::{Resource, TypeMeta};

use super::Object;

/// A kind of object. Each kind is served in one version, so the version is not part of its identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKind {
    /// The API group; empty for the core group.
    pub group: Cow<'static, str>,
    /// The kind, as `Service`.
    pub kind: Cow<'static, str>,
}

impl GroupKind {
    /// A kind whose names are known when compiling.
    pub const fn new(group: &'static str, kind: &'static str) -> Self {
        Self {
            group: Cow::Borrowed(group),
            kind: Cow::Borrowed(kind),
        }
    }

    /// A kind whose names come from outside.
    pub fn owned(group: impl Into<String>, kind: impl Into<String>) -> Self {
        Self {
            group: Cow::Owned(group.into()),
            kind: Cow::Owned(kind.into()),
        }
    }

    /// The kind of a Rust type.
    pub fn of<K: Resource<DynamicType = ()>>() -> Self {
        Self {
            group: K::group(&()),
            kind: K::kind(&()),
        }
    }

    /// The kind that `apiVersion` and `kind` name.
    pub fn from_types(types: &TypeMeta) -> Self {
        let group = types
            .api_version
            .split_once('/')
            .map_or("", |(group, _)| group);
        Self::owned(group, types.kind.as_str())
    }

    /// The kind of an object; `None` if it does not say.
    pub fn of_object(object: &Object) -> Option<Self> {
        object.types.as_ref().map(Self::from_types)
    }
}

impl fmt::Display for GroupKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            return f.write_str(&self.kind);
        }
        write!(f, "{}.{}", self.kind, self.group)
    }
}

/// The name of one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// The object's kind.
    pub kind: GroupKind,
    /// Its namespace; empty for a cluster-scoped kind.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectKey {
    /// The key of `name` in `namespace`; an empty namespace for cluster-scoped kinds.
    pub fn new(kind: GroupKind, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            kind,
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The key of an object of a Rust type.
    pub fn of<K: Resource<DynamicType = ()>>(namespace: &str, name: &str) -> Self {
        Self::new(GroupKind::of::<K>(), namespace, name)
    }

    /// The key of `object`; `None` if it does not say its kind or name.
    pub fn of_object(object: &Object) -> Option<Self> {
        Some(Self::new(
            GroupKind::of_object(object)?,
            object.metadata.namespace.clone().unwrap_or_default(),
            object.metadata.name.clone()?,
        ))
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            return write!(f, "{} {:?}", self.kind, self.name);
        }
        write!(f, "{} \"{}/{}\"", self.kind, self.namespace, self.name)
    }
}
