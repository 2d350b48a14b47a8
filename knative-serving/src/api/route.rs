//! Route: a URL and the Revisions behind it.

pub mod lifecycle;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::keys::SERVING_GROUP;
use crate::api::wire::{is_zero, nullable, resource};
use knative_core::duck::Addressable;

/// Sends the traffic of a URL to Revisions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Route {
    /// Standard metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: RouteSpec,
    /// What was observed.
    pub status: Option<RouteStatus>,
}

resource!(Route {
    spec: RouteSpec,
    status: RouteStatus,
    group: SERVING_GROUP,
    version: "v1",
    plural: "routes"
});
/// The targets of the traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouteSpec {
    /// Targets; the percentages must sum to 100.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub traffic: Vec<TrafficTarget>,
}
/// A share of the traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrafficTarget {
    /// Name under which the target alone can be reached. DNS label.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub tag: String,
    /// A fixed Revision; excludes `configuration_name`.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub revision_name: String,
    /// The latest ready Revision of this Configuration; not allowed in a Service.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub configuration_name: String,
    /// Whether the latest ready Revision is meant. Default: whether `revision_name` is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_revision: Option<bool>,
    /// Share in percent, 0 to 100. Absent means 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<i64>,
    /// URL of a tagged target; in status only.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub url: String,
}
/// Where traffic goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouteStatus {
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
    /// The URL of the default target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The address inside the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Addressable>,
    /// Where traffic goes: latest revisions are resolved to their names, tagged targets have a `url`.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub traffic: Vec<TrafficTarget>,
}
