//! What a Route is made of: see [`ingress`] and [`placeholder_service`].

use thiserror::Error;

use crate::api::keys::networking;
use crate::api::networking::ingress::{HTTP_ENABLED, HTTP_REDIRECTED};
use crate::config::{Config, HostError, HttpProtocol};
use crate::reconcile::common::Pairs;

pub use super::ingress::{IngressInput, ingress};
pub use super::placeholder::{ServicePair, placeholder_service, service};

/// Why an object of a Route cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// There is no host name.
    #[error("domain name error: {0}")]
    Host(#[from] HostError),
    /// The Route asks for a treatment of plain HTTP that does not exist.
    #[error("incorrect http-protocol annotation: {0}")]
    HttpProtocol(String),
    /// The Ingress does not say where it is served.
    #[error("failed to fetch loadbalancer domain/IP from ingress status")]
    NoLoadBalancer,
    /// The Ingress says so more than once.
    #[error("more than one ingress are specified in status(LoadBalancer) of Ingress {0}")]
    SeveralLoadBalancers(String),
}

/// The treatment of plain HTTP that annotations ask for, else the operator's.
pub fn http_option(
    annotations: Option<&Pairs>,
    config: &Config,
) -> Result<&'static str, PlanError> {
    let keys = [networking::HTTP_OPTION, networking::HTTP_PROTOCOL];
    let asked = keys.iter().find_map(|&key| annotations?.get(key));
    match asked.map(|asked| asked.to_lowercase()).as_deref() {
        None | Some("") => Ok(default_http_option(config)),
        Some("enabled") => Ok(HTTP_ENABLED),
        Some("redirected") => Ok(HTTP_REDIRECTED),
        Some(other) => Err(PlanError::HttpProtocol(other.to_owned())),
    }
}

fn default_http_option(config: &Config) -> &'static str {
    match config.network.http_protocol {
        HttpProtocol::Enabled => HTTP_ENABLED,
        HttpProtocol::Redirected => HTTP_REDIRECTED,
        HttpProtocol::Disabled => "",
    }
}
