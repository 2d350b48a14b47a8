//! The kinds of Serving as they are on the wire, and their admission.

pub mod admission;
pub mod autoscaling;
pub mod caching;
pub mod configuration;
pub mod domain_mapping;
mod gotype;
pub mod keys;
pub mod lifecycle;
pub mod networking;
pub(crate) mod podspec;
pub mod revision;
pub mod route;
pub mod service;
mod wire;

pub use configuration::{Configuration, ConfigurationSpec, ConfigurationStatus};
pub use domain_mapping::{DomainMapping, DomainMappingSpec, DomainMappingStatus, SecretTls};
pub use knative_core::duck::{Addressable, KReference};
pub use revision::{ContainerStatus, Revision, RevisionSpec, RevisionStatus, RevisionTemplateSpec};
pub use route::{Route, RouteSpec, RouteStatus, TrafficTarget};
pub use service::{Service, ServiceSpec, ServiceStatus};

#[cfg(test)]
mod tests;
