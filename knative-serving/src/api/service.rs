//! Service: a template and where its traffic goes.

pub mod lifecycle;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::revision::RevisionTemplateSpec;
use super::route::TrafficTarget;
use crate::api::keys::SERVING_GROUP;
use crate::api::wire::{is_zero, nullable, resource};
use knative_core::duck::Addressable;

/// A workload with a URL: manages one Configuration and one Route of the same name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// Standard metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: ServiceSpec,
    /// What was observed.
    pub status: Option<ServiceStatus>,
}

resource!(Service {
    spec: ServiceSpec,
    status: ServiceStatus,
    group: SERVING_GROUP,
    version: "v1",
    plural: "services"
});
/// A template for Revisions and the traffic between them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSpec {
    /// What each new Revision looks like.
    #[serde(default, deserialize_with = "nullable")]
    pub template: RevisionTemplateSpec,
    /// How traffic is split. Default: everything to the latest ready Revision.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub traffic: Vec<TrafficTarget>,
}
/// What was observed of the Configuration and the Route.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
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
    /// Newest Revision that is ready.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub latest_ready_revision_name: String,
    /// Newest Revision, ready or not.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub latest_created_revision_name: String,
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
