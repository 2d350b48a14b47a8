//! ServerlessService: the core Services in front of a Revision.

pub mod lifecycle;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::keys::NETWORKING_INTERNAL_GROUP;
use crate::api::wire::{is_zero, nullable, resource};
use k8s_openapi::api::core::v1::ObjectReference;

/// Sends requests of a Revision to its instances or to whoever buffers for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerlessService {
    /// Standard metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: ServerlessServiceSpec,
    /// What was observed.
    pub status: Option<ServerlessServiceStatus>,
}

resource!(ServerlessService {
    spec: ServerlessServiceSpec,
    status: ServerlessServiceStatus,
    group: NETWORKING_INTERNAL_GROUP,
    version: "v1alpha1",
    plural: "serverlessservices"
});
/// The workload and the mode.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerlessServiceSpec {
    /// [`MODE_SERVE`] or [`MODE_PROXY`].
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub mode: String,
    /// The workload.
    #[serde(default, deserialize_with = "nullable")]
    pub object_ref: ObjectReference,
    /// `http1` or `h2c`.
    #[serde(default, deserialize_with = "nullable")]
    pub protocol_type: String,
    /// How many activators buffer; 0 means all.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub num_activators: i32,
}
/// Value of `mode`: requests go to the instances.
pub const MODE_SERVE: &str = "Serve";
/// Value of `mode`: requests go to the activators.
pub const MODE_PROXY: &str = "Proxy";

/// The Services that were made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerlessServiceStatus {
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
    /// Core Service to call.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub service_name: String,
    /// Core Service that selects the instances.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub private_service_name: String,
}
