//! Certificate: a wish for a TLS certificate.

pub mod lifecycle;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::keys::NETWORKING_INTERNAL_GROUP;
use crate::api::wire::{is_zero, nullable, resource};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// Asks the implementation named by its class for a certificate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Certificate {
    /// Standard metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: CertificateSpec,
    /// What was observed.
    pub status: Option<CertificateStatus>,
}

resource!(Certificate {
    spec: CertificateSpec,
    status: CertificateStatus,
    group: NETWORKING_INTERNAL_GROUP,
    version: "v1alpha1",
    plural: "certificates"
});
/// The names and where the certificate goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateSpec {
    /// Names in the certificate; at least one.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub dns_names: Vec<String>,
    /// Suffix of the names, or one of them; empty leaves the choice open.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub domain: String,
    /// Secret that receives the certificate.
    #[serde(default, deserialize_with = "nullable")]
    pub secret_name: String,
}
/// The state of the order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateStatus {
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
    /// When the certificate ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
    /// Challenges to be answered.
    #[serde(
        default,
        rename = "http01Challenges",
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub http01_challenges: Vec<Http01Challenge>,
}
/// An ACME HTTP-01 challenge.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Http01Challenge {
    /// URL that the issuer will get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Core Service that answers.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub service_name: String,
    /// Its namespace.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub service_namespace: String,
    /// Its port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_port: Option<IntOrString>,
}
