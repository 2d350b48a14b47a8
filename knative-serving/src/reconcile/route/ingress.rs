//! The Ingress of a Route.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use knative_core::object::ObjectExt as _;

use super::plan::{PlanError, http_option};
use crate::api::Route;
use crate::api::keys::{LAST_APPLIED_CONFIGURATION, networking, networking_internal, serving};
use crate::api::networking::{
    HeaderMatch, Http01Challenge, HttpIngressPath, HttpIngressRuleValue, Ingress,
    IngressBackendSplit, IngressRule, IngressSpec, IngressTls,
};
use crate::config::{Config, Encryption, Flag, HostError, rule_hosts};
use crate::reconcile::common::{Pairs, owned_by, with, without};
use crate::reconcile::names;
use crate::traffic::{DEFAULT_TARGET, RevisionTarget, Rollout, Traffic, Visibility};

/// Header that names the Revision to the data plane.
pub const REVISION_HEADER: &str = "Knative-Serving-Revision";
/// Header that names its namespace to the data plane.
pub const NAMESPACE_HEADER: &str = "Knative-Serving-Namespace";
/// Header by which a request chooses a tag.
pub const TAG_HEADER: &str = "Knative-Serving-Tag";
/// Header that says that no tag was chosen, or an unknown one.
pub const DEFAULT_ROUTE_HEADER: &str = "Knative-Serving-Default-Route";

/// Port of the core Service in front of a Revision when traffic inside the cluster is encrypted.
const HTTPS_PORT: i32 = 443;

/// What the Ingress of a Route depends on.
#[derive(Debug, Clone, Copy)]
pub struct IngressInput<'a> {
    /// The Route.
    pub route: &'a Route,
    /// Its resolved traffic.
    pub traffic: &'a Traffic,
    /// The visibility of its tags; a tag that is not in there is visible from outside.
    pub visibility: &'a BTreeMap<String, Visibility>,
    /// How far traffic has moved to the latest Revisions.
    pub rollout: &'a Rollout,
    /// How hosts are named and plain HTTP is treated, whether tags are chosen by header, and traffic inside the
    /// cluster encrypted.
    pub config: &'a Config,
    /// Who serves the Ingress.
    pub class: &'a str,
    /// Certificates.
    pub tls: &'a [IngressTls],
    /// Challenges to be answered at the Route's hosts.
    pub challenges: &'a [Http01Challenge],
}

/// The Ingress of a Route.
///
/// Each tag has one rule for all of its hosts inside the cluster, and, where it can be reached from outside, one for
/// its host there.
pub fn ingress(input: &IngressInput<'_>) -> Result<Ingress, PlanError> {
    let route = input.route;
    let hosts = hosts_by_tag(input)?;
    let rules = hosts
        .iter()
        .flat_map(|(tag, hosts)| rules(input, tag, hosts))
        .collect();
    let labels = with(
        route.metadata.labels.clone().unwrap_or_default(),
        [
            (serving::ROUTE, route.name()),
            (serving::ROUTE_NAMESPACE, route.namespace()),
        ],
    );
    let name = names::route_ingress(route.name());
    let http_option = http_option(route.metadata.annotations.as_ref(), input.config)?;
    Ok(Ingress {
        metadata: owned_by(route, name, labels, annotations(input, &hosts)),
        spec: IngressSpec {
            tls: input.tls.to_vec(),
            rules,
            http_option: http_option.to_owned(),
        },
        status: None,
    })
}

type HostsByTag<'a> = BTreeMap<&'a str, Vec<(Visibility, String)>>;

fn hosts_by_tag<'a>(input: &IngressInput<'a>) -> Result<HostsByTag<'a>, HostError> {
    let of_tag = |tag: &'a String| Ok((tag.as_str(), hosts(input, tag)?));
    input.traffic.targets.keys().map(of_tag).collect()
}

fn hosts(input: &IngressInput<'_>, tag: &str) -> Result<Vec<(Visibility, String)>, HostError> {
    let visibilities: &[Visibility] = match input.visibility.get(tag) {
        Some(Visibility::ClusterLocal) => &[Visibility::ClusterLocal],
        _ => &[Visibility::ClusterLocal, Visibility::ExternalIp],
    };
    let host = input.config.host_name(input.route.name(), tag)?;
    let named = |&visibility: &Visibility| {
        let is_local = visibility == Visibility::ClusterLocal;
        let domain = input
            .config
            .domain_name(&input.route.metadata, &host, is_local)?;
        Ok((visibility, domain))
    };
    visibilities.iter().map(named).collect()
}

/// Annotations of the Route win over those of the Ingress.
fn annotations(input: &IngressInput<'_>, hosts: &HostsByTag<'_>) -> Pairs {
    let rollout = serde_json::to_string(input.rollout).unwrap_or_default();
    let mut own = with(
        Pairs::new(),
        [
            (networking::INGRESS_CLASS_ALT, input.class),
            (networking_internal::ROLLOUT, rollout.as_str()),
        ],
    );
    if let Some(tag_to_host) = tag_to_host(hosts) {
        own.insert(networking_internal::TAG_TO_HOST.to_owned(), tag_to_host);
    }
    let left_out = [
        LAST_APPLIED_CONFIGURATION,
        networking::INGRESS_CLASS,
        networking::CERTIFICATE_CLASS,
    ];
    own.extend(without(
        input.route.metadata.annotations.as_ref(),
        &left_out,
    ));
    own
}

fn tag_to_host(hosts: &HostsByTag<'_>) -> Option<String> {
    let tagged: BTreeMap<&str, Vec<&str>> = hosts
        .iter()
        .filter(|(tag, _)| **tag != DEFAULT_TARGET)
        .map(|(tag, hosts)| (*tag, hosts.iter().map(|(_, host)| host.as_str()).collect()))
        .collect();
    (!tagged.is_empty()).then(|| serde_json::to_string(&tagged).unwrap_or_default())
}

fn rules(input: &IngressInput<'_>, tag: &str, hosts: &[(Visibility, String)]) -> Vec<IngressRule> {
    let rule = |(visibility, host): &(Visibility, String)| IngressRule {
        hosts: rule_hosts(host, *visibility == Visibility::ClusterLocal),
        visibility: visibility.as_str().to_owned(),
        http: Some(HttpIngressRuleValue {
            paths: paths(input, tag, *visibility, host),
        }),
    };
    hosts.iter().map(rule).collect()
}

/// Challenges come first, then tags chosen by header.
fn paths(
    input: &IngressInput<'_>,
    tag: &str,
    visibility: Visibility,
    host: &str,
) -> Vec<HttpIngressPath> {
    let mut paths = Vec::new();
    if visibility == Visibility::ExternalIp {
        paths.extend(challenges(input.challenges, host));
    }
    let mut base = base_path(input, tag);
    let by_header = input.config.features.tag_header_based_routing == Flag::Enabled;
    if by_header && tag == DEFAULT_TARGET {
        paths.extend(paths_by_header(input));
        base.append_headers = header(DEFAULT_ROUTE_HEADER, "true");
    } else if by_header {
        base.append_headers = header(TAG_HEADER, tag);
    }
    paths.push(base);
    paths
}

fn header(name: &str, value: &str) -> Pairs {
    Pairs::from([(name.to_owned(), value.to_owned())])
}

fn paths_by_header(input: &IngressInput<'_>) -> impl Iterator<Item = HttpIngressPath> {
    let tags = input
        .traffic
        .targets
        .keys()
        .filter(|tag| *tag != DEFAULT_TARGET);
    tags.map(|tag| HttpIngressPath {
        headers: BTreeMap::from([(TAG_HEADER.to_owned(), HeaderMatch { exact: tag.clone() })]),
        ..base_path(input, tag)
    })
}

fn challenges<'a>(
    challenges: &'a [Http01Challenge],
    host: &'a str,
) -> impl Iterator<Item = HttpIngressPath> {
    challenges.iter().filter_map(move |challenge| {
        let (of, path) = host_and_path(challenge.url.as_deref().unwrap_or_default());
        (of == host).then(|| challenge_path(challenge, path))
    })
}

fn challenge_path(challenge: &Http01Challenge, path: &str) -> HttpIngressPath {
    let port = challenge.service_port.clone();
    HttpIngressPath {
        path: path.to_owned(),
        splits: vec![IngressBackendSplit {
            service_namespace: challenge.service_namespace.clone(),
            service_name: challenge.service_name.clone(),
            service_port: port.unwrap_or(IntOrString::Int(0)),
            percent: 100,
            ..IngressBackendSplit::default()
        }],
        ..HttpIngressPath::default()
    }
}

fn host_and_path(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split_once(['?', '#']).map_or(rest, |(rest, _)| rest);
    rest.split_at(rest.find('/').unwrap_or(rest.len()))
}

/// A target without a share gets no split; one that is being rolled out gets one for each Revision.
fn base_path(input: &IngressInput<'_>, tag: &str) -> HttpIngressPath {
    let targets = input
        .traffic
        .targets
        .get(tag)
        .map_or(&[][..], Vec::as_slice);
    let mut splits = Vec::new();
    for target in targets.iter().filter(|target| target.percent != 0) {
        let rollout = input.rollout.of(tag, &target.configuration_name);
        let moving = rollout.filter(|rollout| target.is_latest() && rollout.revisions.len() > 1);
        match moving {
            Some(rollout) => {
                let revisions = rollout.revisions.iter();
                splits.extend(revisions.map(|r| split(input, target, &r.revision_name, r.percent)));
            }
            None => splits.push(split(input, target, &target.revision_name, target.percent)),
        }
    }
    HttpIngressPath {
        splits,
        ..HttpIngressPath::default()
    }
}

fn split(
    input: &IngressInput<'_>,
    target: &RevisionTarget,
    revision: &str,
    percent: i64,
) -> IngressBackendSplit {
    let namespace = input.route.namespace();
    let port = if input.config.network.system_internal_tls == Encryption::Enabled {
        HTTPS_PORT
    } else {
        target.protocol.service_port()
    };
    IngressBackendSplit {
        service_namespace: namespace.to_owned(),
        service_name: names::public_service(revision),
        service_port: IntOrString::Int(port),
        percent,
        append_headers: with(
            header(REVISION_HEADER, revision),
            [(NAMESPACE_HEADER, namespace)],
        ),
    }
}
