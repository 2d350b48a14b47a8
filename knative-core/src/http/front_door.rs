//! How parts of a platform are reached, and reach services, without a socket.

use std::fmt;

use async_trait::async_trait;
use http::Uri;
use thiserror::Error;

use super::{HttpService, Request, Response};

/// Why a service could not be mounted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MountError {
    /// Something is mounted there.
    #[error("{host}{path} is mounted already")]
    Taken {
        /// The host name.
        host: String,
        /// The path prefix.
        path: String,
    },
}

/// Keeps a service mounted; dropping it takes the service away.
pub trait Mounted: fmt::Debug + Send + Sync {}

/// Takes services of the platform's own parts (a broker's ingress, a channel) into the gateway's routing.
pub trait FrontDoor: fmt::Debug + Send + Sync + 'static {
    /// Serves requests for `host` whose path begins with `path` by `service`. Mounted hosts go before routes.
    ///
    /// # Errors
    /// [`MountError::Taken`].
    fn mount(
        &self,
        host: &str,
        path: &str,
        service: HttpService,
    ) -> Result<Box<dyn Mounted>, MountError>;
}

/// Why a call got no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CallError {
    /// The URL names no host.
    #[error("{url} names no host")]
    NoHost {
        /// The URL.
        url: Uri,
    },
    /// The connection failed or broke.
    #[error("calling {url} failed")]
    Connection {
        /// The URL.
        url: Uri,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Calls services by URL: those of the platform in process and from zero, others over the network.
#[async_trait]
pub trait Caller: fmt::Debug + Send + Sync + 'static {
    /// Sends `request` to `url`; the request's own URI is replaced.
    ///
    /// # Errors
    /// [`CallError`]. An answer with an error status is an answer.
    async fn call(&self, url: &Uri, request: Request) -> Result<Response, CallError>;
}
