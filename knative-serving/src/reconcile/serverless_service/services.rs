//! The core Services of a `ServerlessService`. Nobody routes by them here; they are what clients look for.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::api::keys::{networking_internal, serving};
use crate::api::networking::ServerlessService;
use crate::reconcile::common::{owned_by, with};

/// What serves HTTP/2 without TLS, as core Services say it.
const H2C: &str = "kubernetes.io/h2c";

/// The Service that requests are sent to.
pub(super) fn public(sks: &ServerlessService, name: &str) -> Service {
    service(sks, name, "Public", None)
}

/// The Service of the instances themselves.
pub(super) fn private(sks: &ServerlessService, name: &str) -> Service {
    let uid = sks
        .metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get(serving::REVISION_UID));
    let selector = uid.map(|uid| BTreeMap::from([(serving::REVISION_UID.to_owned(), uid.clone())]));
    service(sks, name, "Private", selector)
}

fn service(
    sks: &ServerlessService,
    name: &str,
    r#type: &str,
    selector: Option<BTreeMap<String, String>>,
) -> Service {
    let labels = with(
        sks.metadata.labels.clone().unwrap_or_default(),
        [
            (networking_internal::SERVERLESS_SERVICE, name_of(sks)),
            (networking_internal::SERVICE_TYPE, r#type),
        ],
    );
    let annotations = sks.metadata.annotations.clone().unwrap_or_default();
    Service {
        metadata: owned_by(sks, name.to_owned(), labels, annotations),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            ports: Some(vec![port(&sks.spec.protocol_type)]),
            selector,
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

fn name_of(sks: &ServerlessService) -> &str {
    sks.metadata.name.as_deref().unwrap_or_default()
}

fn port(protocol: &str) -> ServicePort {
    let h2c = protocol == "h2c";
    ServicePort {
        name: Some(if h2c { "http2" } else { "http" }.to_owned()),
        protocol: Some("TCP".to_owned()),
        app_protocol: h2c.then(|| H2C.to_owned()),
        port: if h2c { 81 } else { 80 },
        target_port: Some(IntOrString::Int(if h2c { 8013 } else { 8012 })),
        ..ServicePort::default()
    }
}
