//! Image: a container image that is worth having at hand.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::keys::CACHING_INTERNAL_GROUP;
use crate::api::wire::{is_zero, nullable, resource};
use k8s_openapi::api::core::v1::LocalObjectReference;

/// Tells whoever pulls ahead that an image is in use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    /// Standard metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: ImageSpec,
    /// What was observed.
    pub status: Option<ImageStatus>,
}

resource!(Image {
    spec: ImageSpec,
    status: ImageStatus,
    group: CACHING_INTERNAL_GROUP,
    version: "v1alpha1",
    plural: "images"
});
/// The image and how to pull it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageSpec {
    /// Reference of the image.
    #[serde(default, deserialize_with = "nullable")]
    pub image: String,
    /// Account whose pull secrets are used.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub service_account_name: String,
    /// Further pull secrets.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub image_pull_secrets: Vec<LocalObjectReference>,
}
/// Whether the image is cached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageStatus {
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
