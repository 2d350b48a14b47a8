//! Shapes that several kinds share.

use serde::{Deserialize, Serialize};

use super::wire::{is_zero, nullable};

/// Where an object can be called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Addressable {
    /// Name of the address, unique in a list of addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The URL to call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Certificate authorities to trust for `url`, PEM.
    #[serde(default, rename = "CACerts", skip_serializing_if = "Option::is_none")]
    pub ca_certs: Option<String>,
    /// OIDC audience that tokens for `url` must name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}

/// A reference to any object by kind and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KReference {
    /// Kind of the object.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_zero")]
    pub kind: String,
    /// Namespace of the object; empty means that of the referring object.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_zero")]
    pub namespace: String,
    /// Name of the object.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_zero")]
    pub name: String,
    /// Group and version of the object.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_zero")]
    pub api_version: String,
    /// Group of the object, whatever its version.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_zero")]
    pub group: String,
    /// Name of the address to use, where the object has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}
