//! One Revision that receives traffic.

use serde::{Deserialize, Serialize};

use crate::api::{Revision, TrafficTarget};

/// How instances of a Revision are spoken to.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 without TLS.
    H2c,
}

impl Protocol {
    /// The protocol of a Revision: the name of the first port of the container that serves.
    pub fn of(revision: &Revision) -> Self {
        let containers = &revision.spec.pod.containers;
        let serving = match containers.as_slice() {
            [only] => Some(only),
            several => several
                .iter()
                .find(|container| container.ports.iter().flatten().next().is_some()),
        };
        let port = serving.and_then(|container| container.ports.iter().flatten().next());
        match port.and_then(|port| port.name.as_deref()) {
            Some("h2c") => Self::H2c,
            _ => Self::Http1,
        }
    }

    /// The text on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "http1",
            Self::H2c => "h2c",
        }
    }

    /// The port of the core Service in front of a Revision.
    pub const fn service_port(self) -> i32 {
        match self {
            Self::Http1 => 80,
            Self::H2c => 81,
        }
    }
}

/// A target of the spec, resolved to a Revision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RevisionTarget {
    /// Tag; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// The Revision.
    pub revision_name: String,
    /// Its Configuration, if it says which.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub configuration_name: String,
    /// Whether the target follows the latest ready Revision of its Configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_revision: Option<bool>,
    /// Share of the traffic.
    pub percent: i64,
    /// How to speak to the Revision.
    pub protocol: Protocol,
}

impl RevisionTarget {
    /// What `target` says, for `revision`.
    pub(super) fn new(target: &TrafficTarget, revision_name: &str, revision: &Revision) -> Self {
        Self {
            tag: target.tag.clone(),
            revision_name: revision_name.to_owned(),
            configuration_name: target.configuration_name.clone(),
            latest_revision: target.latest_revision,
            percent: target.percent.unwrap_or_default(),
            protocol: Protocol::of(revision),
        }
    }

    /// Whether the target follows the latest ready Revision of its Configuration.
    pub fn is_latest(&self) -> bool {
        self.latest_revision == Some(true)
    }
}
