//! Host names of a Route and its tags.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::object::name::{aggregate, fully_qualified_domain_name};

use super::{DEFAULT_TARGET, DomainError, Naming, Visibility};
use crate::api::keys::networking;
use crate::config::template::Value;

/// What stands for the Route's name in the hosts of `tag`; also the name of the placeholder Service.
pub fn host_name(naming: &dyn Naming, route: &str, tag: &str) -> Result<String, DomainError> {
    if tag == DEFAULT_TARGET {
        return Ok(route.to_owned());
    }
    let fields = BTreeMap::from([("Name", Value::from(route)), ("Tag", Value::from(tag))]);
    let values = Value::Object("config.TagTemplateValues", fields);
    naming
        .tag_template()
        .render(&values)
        .map_err(DomainError::TagTemplate)
}

/// The domain name of `host` of the Route with this metadata, as its visibility label says or as `visibility` says instead.
///
/// Inside the cluster the operator's template does not count.
pub fn domain_name(
    naming: &dyn Naming,
    route: &ObjectMeta,
    host: &str,
    visibility: Option<Visibility>,
) -> Result<String, DomainError> {
    let labels = labels_for(route, visibility);
    let namespace = route.namespace.as_deref().unwrap_or_default();
    let name = match is_labelled_local(&labels) {
        true => local_host(naming, namespace, host),
        false => from_template(naming, route, &labels, host)?,
    };
    match fully_qualified_domain_name("url", &name).as_slice() {
        [] => Ok(name),
        problems => Err(DomainError::Invalid {
            problem: aggregate(problems),
            name,
        }),
    }
}

/// The name of `host` inside the cluster.
pub fn local_host(naming: &dyn Naming, namespace: &str, host: &str) -> String {
    format!("{host}.{namespace}.svc.{}", naming.cluster_domain())
}

/// Whether a domain name is one inside the cluster.
pub fn is_cluster_local(naming: &dyn Naming, domain: &str) -> bool {
    domain.ends_with(naming.cluster_domain())
}

/// A domain name inside the cluster with the shorter names that resolve to it, sorted.
pub fn expanded_hosts(naming: &dyn Naming, domain: &str) -> Vec<String> {
    let service = format!(".svc.{}", naming.cluster_domain());
    let Some(short) = domain.strip_suffix(&service) else {
        return vec![domain.to_owned()];
    };
    vec![short.to_owned(), format!("{short}.svc"), domain.to_owned()]
}

/// Whether labels make a Route local to the cluster.
pub(super) fn is_labelled_local(labels: &BTreeMap<String, String>) -> bool {
    let visibility = labels.get(networking::VISIBILITY).map(String::as_str);
    visibility == Some(networking::VISIBILITY_CLUSTER_LOCAL)
}

fn labels_for(route: &ObjectMeta, visibility: Option<Visibility>) -> BTreeMap<String, String> {
    let mut labels = route.labels.clone().unwrap_or_default();
    match visibility {
        Some(Visibility::ClusterLocal) => {
            let value = networking::VISIBILITY_CLUSTER_LOCAL.to_owned();
            labels.insert(networking::VISIBILITY.to_owned(), value);
        }
        Some(Visibility::ExternalIp) => {
            labels.remove(networking::VISIBILITY);
        }
        None => {}
    }
    labels
}

fn from_template(
    naming: &dyn Naming,
    route: &ObjectMeta,
    labels: &BTreeMap<String, String>,
    host: &str,
) -> Result<String, DomainError> {
    let fields = BTreeMap::from([
        ("Name", Value::from(host)),
        ("Namespace", Value::from(&route.namespace)),
        ("Domain", Value::from(naming.suffix(labels).as_str())),
        ("Annotations", Value::from(&route.annotations)),
        ("Labels", Value::from(labels)),
    ]);
    let values = Value::Object("config.DomainTemplateValues", fields);
    naming
        .domain_template()
        .render(&values)
        .map_err(DomainError::DomainTemplate)
}
