//! How kinds are written to and read from JSON: `apiVersion` and `kind` are constants, absent fields are skipped, and
//! so are empty lists and maps of the metadata.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// An object as it is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Written<'a, Spec, Status> {
    pub(crate) api_version: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) metadata: Value,
    pub(crate) spec: &'a Spec,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<&'a Status>,
}

/// An object as it is read; `apiVersion` and `kind` may be absent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Read<Spec, Status> {
    #[serde(default)]
    pub(crate) api_version: Option<String>,
    #[serde(default)]
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) metadata: Option<ObjectMeta>,
    #[serde(default = "none")]
    pub(crate) spec: Option<Spec>,
    #[serde(default = "none")]
    pub(crate) status: Option<Status>,
}

fn none<T>() -> Option<T> {
    None
}

/// The status of a kind that has none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct NoStatus {}

/// Refuses an object of another kind or version.
pub(crate) fn expect<E: serde::de::Error>(
    what: &str,
    got: Option<&str>,
    want: &str,
) -> Result<(), E> {
    match got {
        Some(got) if !got.is_empty() && got != want => Err(E::custom(Mismatch { what, got, want })),
        _ => Ok(()),
    }
}

struct Mismatch<'a> {
    what: &'a str,
    got: &'a str,
    want: &'a str,
}

impl fmt::Display for Mismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is {:?}, expected {:?}",
            self.what, self.got, self.want
        )
    }
}

/// Reads `null` as the zero value, as Go does.
pub(crate) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Whether Go's `omitempty` leaves the value out.
pub(crate) fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Implements `kube_core::Resource`, `Serialize` and `Deserialize` for a kind with `metadata`, `spec` and,
/// unless it says `no status`, `status`.
macro_rules! resource {
    (@facts $kind:ident, $scope:ident, $group:expr, $version:literal, $plural:literal) => {
        impl kube_core::Resource for $kind {
            type DynamicType = ();
            type Scope = kube_core::$scope;

            fn kind((): &()) -> std::borrow::Cow<'_, str> {
                stringify!($kind).into()
            }
            fn group((): &()) -> std::borrow::Cow<'_, str> {
                $group.into()
            }
            fn version((): &()) -> std::borrow::Cow<'_, str> {
                $version.into()
            }
            fn plural((): &()) -> std::borrow::Cow<'_, str> {
                $plural.into()
            }
            fn meta(&self) -> &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &self.metadata
            }
            fn meta_mut(
                &mut self,
            ) -> &mut k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &mut self.metadata
            }
        }
    };
    (@write $kind:ident, $spec:ty, $status:ty, |$object:ident| $status_ref:expr) => {
        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $object = self;
                crate::api::wire::Written::<'_, $spec, $status> {
                    api_version: &<Self as kube_core::Resource>::api_version(&()),
                    kind: &<Self as kube_core::Resource>::kind(&()),
                    metadata: crate::api::gotype::canonical("ObjectMeta", &self.metadata),
                    spec: &self.spec,
                    status: $status_ref,
                }
                .serialize(serializer)
            }
        }
    };
    (@read $kind:ident, $spec:ty, $status:ty, $($field:ident),*) => {
        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let read = crate::api::wire::Read::<$spec, $status>::deserialize(deserializer)?;
                let api_version = <Self as kube_core::Resource>::api_version(&());
                crate::api::wire::expect("apiVersion", read.api_version.as_deref(), &api_version)?;
                crate::api::wire::expect("kind", read.kind.as_deref(), stringify!($kind))?;
                Ok(Self {
                    metadata: read.metadata.unwrap_or_default(),
                    spec: read.spec.unwrap_or_default(),
                    $($field: read.$field,)*
                })
            }
        }
    };
    ($kind:ident { spec: $spec:ty, status: $status:ty, group: $group:expr, version: $version:literal, plural: $plural:literal }) => {
        crate::api::wire::resource!(@facts $kind, NamespaceResourceScope, $group, $version, $plural);
        crate::api::wire::resource!(@write $kind, $spec, $status, |object| object.status.as_ref());
        crate::api::wire::resource!(@read $kind, $spec, $status, status);
    };
    ($kind:ident { spec: $spec:ty, no status, cluster, group: $group:expr, version: $version:literal, plural: $plural:literal }) => {
        crate::api::wire::resource!(@facts $kind, ClusterResourceScope, $group, $version, $plural);
        crate::api::wire::resource!(@write $kind, $spec, crate::api::wire::NoStatus, |_object| None);
        crate::api::wire::resource!(@read $kind, $spec, crate::api::wire::NoStatus,);
    };
}
pub(crate) use resource;
