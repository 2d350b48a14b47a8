//! Ingress: the routing table of a Route or DomainMapping.

pub mod lifecycle;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::keys::NETWORKING_INTERNAL_GROUP;
use crate::api::wire::{is_zero, nullable, resource};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// Hosts and paths, and the Services behind them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ingress {
    /// Standard metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: IngressSpec,
    /// What was observed.
    pub status: Option<IngressStatus>,
}

resource!(Ingress {
    spec: IngressSpec,
    status: IngressStatus,
    group: NETWORKING_INTERNAL_GROUP,
    version: "v1alpha1",
    plural: "ingresses"
});
/// Rules, certificates and the treatment of plain HTTP.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngressSpec {
    /// Certificates.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub tls: Vec<IngressTls>,
    /// Rules by host.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub rules: Vec<IngressRule>,
    /// [`HTTP_ENABLED`], [`HTTP_REDIRECTED`] or empty.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub http_option: String,
}
/// Value of `http_option`: plain HTTP is served.
pub const HTTP_ENABLED: &str = "Enabled";
/// Value of `http_option`: plain HTTP is redirected to HTTPS.
pub const HTTP_REDIRECTED: &str = "Redirected";
/// Value of `visibility`: reachable from outside.
pub const VISIBILITY_EXTERNAL_IP: &str = "ExternalIP";
/// Value of `visibility`: reachable from inside only.
pub const VISIBILITY_CLUSTER_LOCAL: &str = "ClusterLocal";

/// A certificate and the hosts that it is for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngressTls {
    /// Hosts in the certificate.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub hosts: Vec<String>,
    /// Secret that holds it.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub secret_name: String,
    /// Namespace of that Secret.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub secret_namespace: String,
}
/// What some hosts serve.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngressRule {
    /// Host names, without ports.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub hosts: Vec<String>,
    /// [`VISIBILITY_EXTERNAL_IP`] (default) or [`VISIBILITY_CLUSTER_LOCAL`].
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub visibility: String,
    /// The paths of the hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpIngressRuleValue>,
}
/// Paths, tried in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpIngressRuleValue {
    /// Paths with their backends.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub paths: Vec<HttpIngressPath>,
}
/// One path and its backends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpIngressPath {
    /// Prefix of the path; empty matches all.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub path: String,
    /// Host to call instead; excludes `splits` to several backends.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub rewrite_host: String,
    /// Headers that must match.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub headers: BTreeMap<String, HeaderMatch>,
    /// Backends; the percentages must sum to 100.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub splits: Vec<IngressBackendSplit>,
    /// Headers added to every request.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub append_headers: BTreeMap<String, String>,
}
/// What a header must be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeaderMatch {
    /// The whole value.
    #[serde(default, deserialize_with = "nullable")]
    pub exact: String,
}
/// A backend and its share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngressBackendSplit {
    /// Namespace of the core Service; must be that of the Ingress.
    #[serde(default, deserialize_with = "nullable")]
    pub service_namespace: String,
    /// Name of the core Service.
    #[serde(default, deserialize_with = "nullable")]
    pub service_name: String,
    /// Port, by number or name.
    #[serde(default = "no_port")]
    pub service_port: IntOrString,
    /// Share in percent; a single split of 0 becomes 100.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub percent: i64,
    /// Headers added to requests of this backend.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub append_headers: BTreeMap<String, String>,
}
fn no_port() -> IntOrString {
    IntOrString::Int(0)
}

impl Default for IngressBackendSplit {
    fn default() -> Self {
        Self {
            service_namespace: String::new(),
            service_name: String::new(),
            service_port: no_port(),
            percent: 0,
            append_headers: BTreeMap::new(),
        }
    }
}

/// The load balancers that serve the Ingress.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngressStatus {
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
    /// For hosts reachable from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_load_balancer: Option<LoadBalancerStatus>,
    /// For hosts reachable from inside only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_load_balancer: Option<LoadBalancerStatus>,
}
/// Ways into a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerStatus {
    /// The ways.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub ingress: Vec<LoadBalancerIngressStatus>,
}
/// One way into a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerIngressStatus {
    /// Its IP address.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub ip: String,
    /// Its host name.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub domain: String,
    /// Its host name inside the cluster.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub domain_internal: String,
    /// Whether only a mesh gets there.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub mesh_only: bool,
}
