//! Revision: an immutable snapshot of code and configuration.

pub mod lifecycle;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::Condition;
use schemars::JsonSchema;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::api::keys::SERVING_GROUP;
use crate::api::wire::{is_zero, nullable, resource};

/// An immutable snapshot of code and configuration; traffic is sent to Revisions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Revision {
    /// Standard metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: RevisionSpec,
    /// What was observed.
    pub status: Option<RevisionStatus>,
}

resource!(Revision {
    spec: RevisionSpec,
    status: RevisionStatus,
    group: SERVING_GROUP,
    version: "v1",
    plural: "revisions"
});

/// What a new Revision looks like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevisionTemplateSpec {
    /// Labels, annotations and, optionally, the name of the Revision.
    #[serde(default, deserialize_with = "nullable")]
    pub metadata: ObjectMeta,
    /// Spec of the Revision.
    #[serde(default, deserialize_with = "nullable")]
    pub spec: RevisionSpec,
}

/// A pod spec, inline on the wire, and how requests are treated.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub struct RevisionSpec {
    /// The pod, of which only some fields are allowed.
    #[schemars(flatten)]
    pub pod: PodSpec,
    /// Whether `containers` is written where there are none: an empty list is not the same as no list. Default false.
    #[schemars(skip)]
    pub empty_containers: bool,
    /// Requests that one instance may serve at once; 0 is unlimited.
    /// Default: `container-concurrency` of config-defaults (0); at most its `container-concurrency-max-limit` (1000).
    pub container_concurrency: Option<i64>,
    /// Seconds that a request may take. Default: `revision-timeout-seconds` of config-defaults (300);
    /// at most its `max-revision-timeout-seconds` (600).
    pub timeout_seconds: Option<i64>,
    /// Seconds until the first byte of the response; 0 is off.
    pub response_start_timeout_seconds: Option<i64>,
    /// Seconds between two bytes of the response; 0 is off.
    pub idle_timeout_seconds: Option<i64>,
}

impl RevisionSpec {
    fn own_fields(&self) -> [(&'static str, Option<i64>); 4] {
        [
            ("containerConcurrency", self.container_concurrency),
            ("timeoutSeconds", self.timeout_seconds),
            (
                "responseStartTimeoutSeconds",
                self.response_start_timeout_seconds,
            ),
            ("idleTimeoutSeconds", self.idle_timeout_seconds),
        ]
    }
}

/// Containers are written with `resources` even where these say nothing, as Go writes a struct.
fn with_resources(containers: Option<&mut Value>) {
    let containers = containers.and_then(Value::as_array_mut);
    let containers = containers.into_iter().flatten();
    for container in containers.filter_map(Value::as_object_mut) {
        let resources = container.entry("resources");
        resources.or_insert_with(|| Value::Object(serde_json::Map::new()));
    }
}

impl Serialize for RevisionSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut spec = serde_json::to_value(&self.pod).map_err(S::Error::custom)?;
        if let Value::Object(fields) = &mut spec {
            if self.pod.containers.is_empty() && !self.empty_containers {
                // As Go writes no list, so that the shape of the kind is what refuses it.
                fields.insert("containers".to_owned(), Value::Null);
            }
            for name in ["containers", "initContainers"] {
                with_resources(fields.get_mut(name));
            }
            for (name, value) in self.own_fields() {
                if let Some(value) = value {
                    fields.insert(name.to_owned(), value.into());
                }
            }
        }
        spec.serialize(serializer)
    }
}

/// A spec as it is read: apart from the pod's other fields, `containers` tells an empty list from none.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadSpec {
    #[serde(default)]
    containers: Option<Vec<Container>>,
    #[serde(default)]
    container_concurrency: Option<i64>,
    #[serde(default)]
    timeout_seconds: Option<i64>,
    #[serde(default)]
    response_start_timeout_seconds: Option<i64>,
    #[serde(default)]
    idle_timeout_seconds: Option<i64>,
    #[serde(flatten)]
    pod: PodSpec,
}

impl<'de> Deserialize<'de> for RevisionSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = ReadSpec::deserialize(deserializer)?;
        Ok(Self {
            empty_containers: read.containers.as_ref().is_some_and(Vec::is_empty),
            pod: PodSpec {
                containers: read.containers.unwrap_or_default(),
                ..read.pod
            },
            container_concurrency: read.container_concurrency,
            timeout_seconds: read.timeout_seconds,
            response_start_timeout_seconds: read.response_start_timeout_seconds,
            idle_timeout_seconds: read.idle_timeout_seconds,
        })
    }
}

/// What runs for the Revision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevisionStatus {
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
    /// Where logs are found, from config-observability.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub log_url: String,
    /// Digests of the containers' images, in the order of the spec.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub container_statuses: Vec<ContainerStatus>,
    /// The same of the init containers.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub init_container_statuses: Vec<ContainerStatus>,
    /// Instances that are ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual_replicas: Option<i32>,
    /// Instances that are wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_replicas: Option<i32>,
}
/// Which image a container runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerStatus {
    /// Name of the container.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub name: String,
    /// Reference by digest; empty where the registry is exempt from resolution.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "is_zero"
    )]
    pub image_digest: String,
}
