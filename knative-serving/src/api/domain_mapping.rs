//! DomainMapping: a custom domain for a Service or Route.

pub mod lifecycle;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::keys::SERVING_GROUP;
use crate::api::wire::{is_zero, nullable, resource};
use knative_core::duck::{Addressable, KReference};

/// Serves an addressable object under the domain that is the mapping's name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DomainMapping {
    /// Standard metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: DomainMappingSpec,
    /// What was observed.
    pub status: Option<DomainMappingStatus>,
}

resource!(DomainMapping {
    spec: DomainMappingSpec,
    status: DomainMappingStatus,
    group: SERVING_GROUP,
    version: "v1beta1",
    plural: "domainmappings"
});
/// What the domain stands for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DomainMappingSpec {
    /// The object to serve; in the same namespace.
    #[serde(default, deserialize_with = "nullable")]
    pub r#ref: KReference,
    /// A certificate of the user's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<SecretTls>,
}
/// A TLS certificate in a Secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretTls {
    /// Secret of type `kubernetes.io/tls` in the namespace of the mapping.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub secret_name: String,
}
/// Where the domain can be called.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DomainMappingStatus {
    /// Generation of the spec that the status speaks of.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub observed_generation: i64,
    /// Findings, sorted by type; `Ready` sums them up.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub conditions: Vec<Condition>,
    /// Additional facts for tools.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub annotations: BTreeMap<String, String>,
    /// The URL of the domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The same as an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Addressable>,
}
