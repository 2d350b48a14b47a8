//! Metric: what is measured of a Revision.

pub mod lifecycle;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::keys::AUTOSCALING_INTERNAL_GROUP;
use crate::api::wire::{is_zero, nullable, resource};

/// Asks for averages of the load on a Revision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metric {
    /// Standard metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: MetricSpec,
    /// What was observed.
    pub status: Option<MetricStatus>,
}

resource!(Metric {
    spec: MetricSpec,
    status: MetricStatus,
    group: AUTOSCALING_INTERNAL_GROUP,
    version: "v1alpha1",
    plural: "metrics"
});
/// The windows and the source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricSpec {
    /// Length of the stable window in nanoseconds; above 0.
    #[serde(default, deserialize_with = "nullable")]
    pub stable_window: i64,
    /// Length of the panic window in nanoseconds; above 0.
    #[serde(default, deserialize_with = "nullable")]
    pub panic_window: i64,
    /// Core Service to scrape; empty means none.
    #[serde(default, deserialize_with = "nullable")]
    pub scrape_target: String,
}
/// Whether the metric is collected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricStatus {
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
}
