//! Names of objects that are made for another one.

use knative_core::object::name::child_name;

/// The Deployment of a Revision.
pub fn deployment(revision: &str) -> String {
    child_name(revision, "-deployment")
}

/// What the Images of a Revision have in front of the container's name.
pub fn image_cache(revision: &str) -> String {
    child_name(revision, "-cache")
}

/// The Image of a container of a Revision.
pub fn image(revision: &str, container: &str) -> String {
    child_name(&image_cache(revision), &format!("-{container}"))
}

/// The `PodAutoscaler` of a Revision, and the Metric and `ServerlessService` of that.
pub fn pod_autoscaler(revision: &str) -> String {
    revision.to_owned()
}

/// The `ServerlessService` of a `PodAutoscaler`.
pub fn serverless_service(pod_autoscaler: &str) -> String {
    pod_autoscaler.to_owned()
}

/// The core Service that requests for a `ServerlessService` go to.
pub fn public_service(serverless_service: &str) -> String {
    serverless_service.to_owned()
}

/// The core Service that selects the instances behind a `ServerlessService`.
pub fn private_service(serverless_service: &str) -> String {
    child_name(serverless_service, "-private")
}

/// The Ingress of a Route.
pub fn route_ingress(route: &str) -> String {
    route.to_owned()
}

/// The placeholder Service of a Route.
pub fn route_service(route: &str) -> String {
    route.to_owned()
}

/// The host of a Route inside the cluster.
pub fn route_service_host(route: &str, namespace: &str, cluster_domain: &str) -> String {
    format!("{}.{namespace}.svc.{cluster_domain}", route_service(route))
}

/// The Certificate of a Route's own hosts (`tag` is empty) or of a tag.
pub fn route_certificate(route_uid: &str, tag: &str) -> String {
    match tag {
        "" => format!("route-{route_uid}"),
        tag => format!("route-{route_uid}-{}", adler32(tag.as_bytes())),
    }
}

/// The same for hosts inside the cluster.
pub fn route_cluster_local_certificate(route_uid: &str, tag: &str) -> String {
    format!("{}-local", route_certificate(route_uid, tag))
}

/// The Ingress of a `DomainMapping`.
pub fn domain_mapping_ingress(domain: &str) -> String {
    child_name(domain, "")
}

/// The Certificate of a `DomainMapping`.
pub fn domain_mapping_certificate(domain: &str) -> String {
    child_name(domain, "")
}

/// The Certificate for every name of a domain: `*.shop.acme.dev` without its first label.
pub fn wildcard_certificate(dns_name: &str) -> String {
    dns_name
        .split_once('.')
        .map_or(dns_name, |(_, rest)| rest)
        .to_owned()
}

/// The checksum of RFC 1950.
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (a, b) = bytes.iter().fold((1, 0), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % MODULUS;
        (a, (b + a) % MODULUS)
    });
    (b << 16) | a
}
