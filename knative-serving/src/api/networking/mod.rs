//! Kinds between a Route and whoever serves its hosts.

pub mod certificate;
pub mod cluster_domain_claim;
pub mod ingress;
pub mod serverless_service;

pub use certificate::{Certificate, CertificateSpec, CertificateStatus, Http01Challenge};
pub use cluster_domain_claim::{ClusterDomainClaim, ClusterDomainClaimSpec};
pub use ingress::{
    HeaderMatch, HttpIngressPath, HttpIngressRuleValue, Ingress, IngressBackendSplit, IngressRule,
    IngressSpec, IngressStatus, IngressTls, LoadBalancerIngressStatus, LoadBalancerStatus,
};
pub use serverless_service::{ServerlessService, ServerlessServiceSpec, ServerlessServiceStatus};
