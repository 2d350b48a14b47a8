//! Configuration: a template from which Revisions are stamped.

pub mod lifecycle;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::revision::RevisionTemplateSpec;
use crate::api::keys::SERVING_GROUP;
use crate::api::wire::{is_zero, nullable, resource};

/// Stamps out a Revision whenever its template changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    /// Standard metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: ConfigurationSpec,
    /// What was observed.
    pub status: Option<ConfigurationStatus>,
}

resource!(Configuration {
    spec: ConfigurationSpec,
    status: ConfigurationStatus,
    group: SERVING_GROUP,
    version: "v1",
    plural: "configurations"
});
/// The template.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigurationSpec {
    /// What each new Revision looks like.
    #[serde(default, deserialize_with = "nullable")]
    pub template: RevisionTemplateSpec,
}
/// The Revisions that were made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigurationStatus {
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
}
