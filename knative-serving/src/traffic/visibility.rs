//! From where the hosts of a Route can be reached.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Service;
use knative_core::object::ObjectExt as _;
use serde::{Deserialize, Serialize};

use super::hosts::is_labelled_local;
use super::{DEFAULT_TARGET, DomainError, Naming, host_name};
use crate::api::Route;
use crate::api::keys::{networking, serving};
use crate::api::networking::ingress;

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
    naming: &dyn Naming,
    placeholders: impl IntoIterator<Item = &'a Service>,
) -> Result<BTreeMap<String, Visibility>, DomainError> {
    let local = is_local_route(route, naming);
    let marked = marked_local(route, placeholders);
    let tags: BTreeSet<&str> = route
        .spec
        .traffic
        .iter()
        .map(|target| target.tag.as_str())
        .collect();
    let mut visibility = BTreeMap::new();
    for tag in tags.into_iter().chain([DEFAULT_TARGET]) {
        let name = host_name(naming, route.name(), tag)?;
        let of_tag = match local || marked.contains(name.as_str()) {
            true => Visibility::ClusterLocal,
            false => Visibility::ExternalIp,
        };
        visibility.insert(tag.to_owned(), of_tag);
    }
    Ok(visibility)
}

fn is_local_route(route: &Route, naming: &dyn Naming) -> bool {
    let none = BTreeMap::new();
    let labels = route.metadata.labels.as_ref().unwrap_or(&none);
    is_labelled_local(labels) || naming.suffix(labels) == format!("svc.{}", naming.cluster_domain())
}

fn marked_local<'a>(
    route: &Route,
    placeholders: impl IntoIterator<Item = &'a Service>,
) -> BTreeSet<&'a str> {
    placeholders
        .into_iter()
        .filter(|service| service.namespace() == route.namespace())
        .filter(|service| service.label(serving::ROUTE) == Some(route.name()))
        .filter(|service| {
            service
                .label(networking::VISIBILITY)
                .is_some_and(|value| !value.is_empty())
        })
        .map(|service| service.name())
        .collect()
}
