//! Where an instance takes its requests.

use std::{convert::Infallible, fmt, net::SocketAddr, path::PathBuf};

use tower::{Service, util::BoxCloneSyncService};

use super::{Request, Response};

/// A service within this process. It answers every request; what goes wrong is a response.
pub type HttpService = BoxCloneSyncService<Request, Response, Infallible>;

/// Boxes a service.
pub fn boxed<S>(service: S) -> HttpService
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    BoxCloneSyncService::new(service)
}

/// Where requests for an instance go.
#[derive(Clone)]
#[non_exhaustive]
pub enum Endpoint {
    /// A TCP address that speaks HTTP.
    Tcp(SocketAddr),
    /// A Unix socket that speaks HTTP.
    Unix(PathBuf),
    /// A service in this process.
    Service(HttpService),
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.debug_tuple("Tcp").field(address).finish(),
            Self::Unix(path) => f.debug_tuple("Unix").field(path).finish(),
            Self::Service(_) => f.debug_tuple("Service").finish_non_exhaustive(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Service(_) => f.write_str("in-process"),
        }
    }
}
