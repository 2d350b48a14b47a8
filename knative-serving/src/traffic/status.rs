//! Traffic as the status of a Route shows it.

use std::collections::BTreeMap;

use super::{
    DomainError, Naming, RevisionTarget, Traffic, Visibility, domain_name, host_name,
    is_cluster_local,
};
use crate::api::{Route, TrafficTarget};

/// The targets of `traffic` with the shares of the spec; tagged ones with their URL.
pub fn status_traffic(
    route: &Route,
    traffic: &Traffic,
    visibility: &BTreeMap<String, Visibility>,
    naming: &dyn Naming,
) -> Result<Vec<TrafficTarget>, DomainError> {
    let line = |target: &RevisionTarget| {
        let url = match target.tag.as_str() {
            "" => String::new(),
            tag => tag_url(route, tag, visibility.get(tag).copied(), naming)?,
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

fn tag_url(
    route: &Route,
    tag: &str,
    visibility: Option<Visibility>,
    naming: &dyn Naming,
) -> Result<String, DomainError> {
    let name = route.metadata.name.as_deref().unwrap_or_default();
    let host = host_name(naming, name, tag)?;
    let visibility = visibility.unwrap_or(Visibility::ExternalIp);
    let domain = domain_name(naming, &route.metadata, &host, Some(visibility))?;
    Ok(url(naming, &domain))
}

/// The URL of a domain name before any certificate is there: inside the cluster always plain HTTP.
fn url(naming: &dyn Naming, domain: &str) -> String {
    match is_cluster_local(naming, domain) {
        true => format!("http://{domain}"),
        false => format!("{}://{domain}", naming.external_scheme()),
    }
}
