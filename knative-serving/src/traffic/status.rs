//! Traffic as the status of a Route shows it.

use std::collections::BTreeMap;

use knative_core::object::ObjectExt as _;

use super::{RevisionTarget, Traffic, Visibility};
use crate::api::{Route, TrafficTarget};
use crate::config::{Config, HostError};

/// The targets of `traffic` with the shares of the spec; tagged ones with their URL.
pub fn status_traffic(
    route: &Route,
    traffic: &Traffic,
    visibility: &BTreeMap<String, Visibility>,
    config: &Config,
) -> Result<Vec<TrafficTarget>, HostError> {
    let line = |target: &RevisionTarget| {
        let url = match target.tag.as_str() {
            "" => String::new(),
            tag => target_url(route, tag, visibility.get(tag).copied(), config)?,
        };
        Ok(TrafficTarget {
            tag: target.tag.clone(),
            revision_name: target.revision_name.clone(),
            latest_revision: target.latest_revision,
            percent: Some(target.percent),
            url,
            ..TrafficTarget::default()
        })
    };
    traffic.flat.iter().map(line).collect()
}

/// The URL of a tag, or of the Route itself, before any certificate is there: inside the cluster always plain HTTP.
///
/// A tag of unknown visibility is visible from outside.
pub fn target_url(
    route: &Route,
    tag: &str,
    visibility: Option<Visibility>,
    config: &Config,
) -> Result<String, HostError> {
    let is_local = visibility == Some(Visibility::ClusterLocal);
    let host = config.host_name(route.name(), tag)?;
    let domain = config.domain_name(&route.metadata, &host, is_local)?;
    let scheme = if is_local {
        "http"
    } else {
        config.network.default_external_scheme.as_str()
    };
    Ok(format!("{scheme}://{domain}"))
}
