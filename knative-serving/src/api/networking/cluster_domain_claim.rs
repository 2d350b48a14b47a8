//! Claims of a namespace on a domain.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::keys::NETWORKING_INTERNAL_GROUP;
use crate::api::wire::{nullable, resource};

/// Gives the domain that is its name to one namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterDomainClaim {
    /// Standard metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: ClusterDomainClaimSpec,
}

resource!(ClusterDomainClaim { spec: ClusterDomainClaimSpec, no status, cluster, group: NETWORKING_INTERNAL_GROUP, version: "v1alpha1", plural: "clusterdomainclaims" });
/// The holder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterDomainClaimSpec {
    /// Namespace that may map the domain.
    #[serde(default, deserialize_with = "nullable")]
    pub namespace: String,
}
