//! PodAutoscaler: how the workload of a Revision is scaled.

pub mod lifecycle;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::keys::AUTOSCALING_INTERNAL_GROUP;
use crate::api::wire::{is_zero, nullable, resource};
use k8s_openapi::api::core::v1::ObjectReference;

/// Scales one workload. The autoscaling annotations of the Revision are copied onto it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodAutoscaler {
    /// Standard metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: PodAutoscalerSpec,
    /// What was observed.
    pub status: Option<PodAutoscalerStatus>,
}

resource!(PodAutoscaler {
    spec: PodAutoscalerSpec,
    status: PodAutoscalerStatus,
    group: AUTOSCALING_INTERNAL_GROUP,
    version: "v1alpha1",
    plural: "podautoscalers"
});
/// The workload and its limits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodAutoscalerSpec {
    /// Requests that one instance may serve at once; 0 is unlimited.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub container_concurrency: i64,
    /// The workload to scale.
    #[serde(default, deserialize_with = "nullable")]
    pub scale_target_ref: ObjectReference,
    /// [`REACHABLE`], [`UNREACHABLE`] or empty: unknown.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub reachability: String,
    /// `http1` or `h2c`.
    #[serde(default, deserialize_with = "nullable")]
    pub protocol_type: String,
}
/// Value of `reachability`: a Route sends traffic here.
pub const REACHABLE: &str = "Reachable";
/// Value of `reachability`: no Route does, so the minimum scale is void.
pub const UNREACHABLE: &str = "Unreachable";

/// The scale and the Services in front.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodAutoscalerStatus {
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
    /// Core Service for requests.
    #[serde(default, deserialize_with = "nullable")]
    pub service_name: String,
    /// Core Service for metrics.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub metrics_service_name: String,
    /// Instances wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_scale: Option<i32>,
    /// Instances ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual_scale: Option<i32>,
}
