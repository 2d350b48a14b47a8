//! Shapes that kinds share: where something can be reached, and references to such things.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where an object receives requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Addressable {
    /// Which of several addresses this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Certificate authorities in PEM that a caller has to trust.
    #[serde(default, rename = "CACerts", skip_serializing_if = "Option::is_none")]
    pub ca_certs: Option<String>,
    /// OIDC audience of the receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}

impl Addressable {
    /// An address that is nothing but a URL.
    pub fn from_url(url: impl Into<String>) -> Self {
        Self {
            url: Some(url.into()),
            ..Self::default()
        }
    }
}

/// A reference to an object, in the namespace of whoever refers to it unless one is given.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct KReference {
    /// Kind, as `Service`.
    #[serde(default)]
    pub kind: String,
    /// Namespace; empty for that of the referrer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name.
    #[serde(default)]
    pub name: String,
    /// Group and version, as `serving.knative.dev/v1`. Either this or `group`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Group alone, when the version is left to the platform.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Which of the object's addresses is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// Where to send something: an object, a URI, or an object and a URI relative to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Destination {
    /// The object that receives.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<KReference>,
    /// Absolute, or relative to the object's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Certificate authorities in PEM that a caller has to trust.
    #[serde(default, rename = "CACerts", skip_serializing_if = "Option::is_none")]
    pub ca_certs: Option<String>,
    /// OIDC audience of the receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}
