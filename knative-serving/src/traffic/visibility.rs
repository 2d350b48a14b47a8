//! From where the hosts of a Route can be reached.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Service;
use knative_core::object::ObjectExt;
use serde::{Deserialize, Serialize};

use super::DEFAULT_TARGET;
use crate::api::Route;
use crate::api::keys::{networking, serving};
use crate::api::networking::ingress;
use crate::config::{Config, HostError};

/// From where a host can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Visibility {
    /// From inside only.
    ClusterLocal,
    /// From everywhere.
    #[serde(rename = "ExternalIP")]
    ExternalIp,
}

impl Visibility {
    /// The text on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClusterLocal => ingress::VISIBILITY_CLUSTER_LOCAL,
            Self::ExternalIp => ingress::VISIBILITY_EXTERNAL_IP,
        }
    }
}

/// The visibility of the Route and of each of its tags.
///
/// All of them are local for a Route that is labelled so or whose domain is that of the cluster. Else those are whose
/// placeholder Service, one of `placeholders`, has a visibility label of any value.
pub fn visibility<'a>(
    route: &Route,
    config: &Config,
    placeholders: impl IntoIterator<Item = &'a Service>,
) -> Result<BTreeMap<String, Visibility>, HostError> {
    let is_local = config.is_local(&route.metadata);
    let marked = marked_local(route, placeholders);
    let tags = route.spec.traffic.iter().map(|target| target.tag.as_str());
    let tags: BTreeSet<&str> = tags.chain([DEFAULT_TARGET]).collect();
    let of_tag = |tag: &str| {
        let name = config.host_name(route.name(), tag)?;
        let visibility = if is_local || marked.contains(name.as_str()) {
            Visibility::ClusterLocal
        } else {
            Visibility::ExternalIp
        };
        Ok((tag.to_owned(), visibility))
    };
    tags.into_iter().map(of_tag).collect()
}

/// Names of the Route's placeholder Services that have a visibility label.
fn marked_local<'a>(
    route: &Route,
    placeholders: impl IntoIterator<Item = &'a Service>,
) -> BTreeSet<&'a str> {
    let is_marked = |service: &&Service| {
        let label = service.label(networking::VISIBILITY);
        service.namespace() == route.namespace()
            && service.label(serving::ROUTE) == Some(route.name())
            && label.is_some_and(|value| !value.is_empty())
    };
    let marked = placeholders.into_iter().filter(is_marked);
    marked.map(ObjectExt::name).collect()
}
