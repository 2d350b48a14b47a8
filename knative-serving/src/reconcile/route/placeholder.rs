//! The core Service that makes a Route's name resolve inside the cluster.

use k8s_openapi::api::core::v1::{
    EndpointAddress, EndpointPort, EndpointSubset, Endpoints, Service, ServicePort, ServiceSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use knative_core::object::ObjectExt as _;

use super::plan::PlanError;
use crate::api::Route;
use crate::api::keys::{networking, serving};
use crate::api::networking::{Ingress, LoadBalancerIngressStatus};
use crate::config::Config;
use crate::reconcile::common::{owned_by, with, without};

const PORT: i32 = 80;
const PORT_NAME: &str = "http2";
const APP_PROTOCOL: &str = "kubernetes.io/h2c";

/// A Service, and its addresses where they are not a name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServicePair {
    /// The Service.
    pub service: Service,
    /// Where it leads.
    pub endpoints: Option<Endpoints>,
}

/// The Service of `tag` before it is known where the Ingress is served: an alias of the public name.
pub fn placeholder_service(
    route: &Route,
    tag: &str,
    config: &Config,
) -> Result<Service, PlanError> {
    let host = config.host_name(route.name(), tag)?;
    let domain = config.domain_name(&route.metadata, &host, is_labelled_local(route))?;
    let spec = ServiceSpec {
        session_affinity: Some("None".to_owned()),
        ..alias(&domain)
    };
    Ok(Service {
        metadata: metadata(route, host),
        spec: Some(spec),
        status: None,
    })
}

/// The Service of `tag` that leads to where `ingress` is served.
pub fn service(
    route: &Route,
    tag: &str,
    ingress: &Ingress,
    is_private: bool,
    config: &Config,
) -> Result<ServicePair, PlanError> {
    let balancer = balancer(ingress, is_private)?;
    let metadata = metadata(route, config.host_name(route.name(), tag)?);
    let spec = spec(balancer).ok_or(PlanError::NoLoadBalancer)?;
    let endpoints = (!balancer.ip.is_empty()).then(|| Endpoints {
        metadata: metadata.clone(),
        subsets: Some(vec![subset(&balancer.ip)]),
    });
    Ok(ServicePair {
        service: Service {
            metadata,
            spec: Some(spec),
            status: None,
        },
        endpoints,
    })
}

/// The one way into the private load balancer, or into the public one where there is no private one and none is asked for.
fn balancer(ingress: &Ingress, is_private: bool) -> Result<&LoadBalancerIngressStatus, PlanError> {
    let status = ingress.status.as_ref();
    let private = status.and_then(|status| status.private_load_balancer.as_ref());
    let public = status.and_then(|status| status.public_load_balancer.as_ref());
    let use_private = is_private || private.is_some_and(|private| !private.ingress.is_empty());
    let chosen = if use_private { private } else { public };
    match chosen.map_or(&[][..], |chosen| chosen.ingress.as_slice()) {
        [] => Err(PlanError::NoLoadBalancer),
        [only] => Ok(only),
        _ => Err(PlanError::SeveralLoadBalancers(ingress.name().to_owned())),
    }
}

/// An address is preferred over names, and a name inside the cluster over others.
fn spec(balancer: &LoadBalancerIngressStatus) -> Option<ServiceSpec> {
    if !balancer.ip.is_empty() {
        return Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            type_: Some("ClusterIP".to_owned()),
            ports: Some(vec![port()]),
            ..ServiceSpec::default()
        });
    }
    if !balancer.domain_internal.is_empty() {
        let affinity = Some("None".to_owned());
        return Some(ServiceSpec {
            session_affinity: affinity,
            ..alias(&balancer.domain_internal)
        });
    }
    if !balancer.domain.is_empty() {
        return Some(alias(&balancer.domain));
    }
    balancer.mesh_only.then(|| ServiceSpec {
        type_: Some("ClusterIP".to_owned()),
        ports: Some(vec![ServicePort {
            name: Some("http".to_owned()),
            port: PORT,
            ..ServicePort::default()
        }]),
        ..ServiceSpec::default()
    })
}

fn alias(domain: &str) -> ServiceSpec {
    ServiceSpec {
        type_: Some("ExternalName".to_owned()),
        external_name: Some(domain.to_owned()),
        ports: Some(vec![port()]),
        ..ServiceSpec::default()
    }
}

fn port() -> ServicePort {
    ServicePort {
        name: Some(PORT_NAME.to_owned()),
        app_protocol: Some(APP_PROTOCOL.to_owned()),
        port: PORT,
        target_port: Some(IntOrString::Int(PORT)),
        ..ServicePort::default()
    }
}

fn subset(ip: &str) -> EndpointSubset {
    EndpointSubset {
        addresses: Some(vec![EndpointAddress {
            ip: ip.to_owned(),
            ..EndpointAddress::default()
        }]),
        ports: Some(vec![EndpointPort {
            name: Some(PORT_NAME.to_owned()),
            app_protocol: Some(APP_PROTOCOL.to_owned()),
            port: PORT,
            ..EndpointPort::default()
        }]),
        ..EndpointSubset::default()
    }
}

fn is_labelled_local(route: &Route) -> bool {
    route.label(networking::VISIBILITY) == Some(networking::VISIBILITY_CLUSTER_LOCAL)
}

/// The visibility label is not copied: it is the user's, to make a single tag local.
fn metadata(route: &Route, name: String) -> ObjectMeta {
    let labels = with(
        without(route.metadata.labels.as_ref(), &[networking::VISIBILITY]),
        [(serving::ROUTE, route.name())],
    );
    owned_by(
        route,
        name,
        labels,
        route.metadata.annotations.clone().unwrap_or_default(),
    )
}
