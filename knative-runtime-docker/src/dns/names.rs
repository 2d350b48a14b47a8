//! Both halves of a name that works: who resolves it, and who listens where it leads.

use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpListener;

use super::{NameServer, NamesError, resolvers::Resolvers};
use crate::DockerNetwork;

/// The port of URLs without one.
const HTTP: u16 = 80;
/// The port of name servers.
const DNS: u16 = 53;

/// The sockets that names of services need on a platform's network.
#[derive(Debug)]
#[non_exhaustive]
pub struct Names {
    /// Where the names lead, for a listener of the gateway that serves [`DockerNetwork::subnet`] only.
    pub gateway: TcpListener,
    /// Who resolves them, a part of the platform.
    pub server: NameServer,
}

impl Names {
    /// Takes both ports, or neither, before a runtime is told that there are
    /// [names](crate::DockerOptions::names). `known` says whether the gateway serves a host privately; it is asked in
    /// lower case for `<name>.<namespace>`, `.svc` and `.svc.cluster.local`, for every query, and must not wait. Called within
    /// a tokio runtime.
    ///
    /// ```no_run
    /// use knative_runtime_docker::{DockerNetwork, DockerOptions, Engine, dns::Names};
    ///
    /// # async fn open(serves: impl Fn(&str) -> bool + Send + Sync + 'static) -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::connect(None).await?;
    /// let network = DockerNetwork::ensure(&engine, "default").await?;
    /// let mut options = DockerOptions::default();
    /// match Names::bind(&network, serves) {
    ///     Ok(_names) => options.names = true,
    ///     Err(error) => eprintln!("names are off: {error}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`NamesError`]; then containers resolve names as the engine does.
    pub fn bind(
        network: &DockerNetwork,
        known: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Result<Self, NamesError> {
        let at = |port| SocketAddr::new(IpAddr::V4(network.address()), port);
        let server = NameServer::bind(
            (at(DNS), network.presence),
            network.subnet(),
            known,
            Resolvers::of_machine(),
        )?;
        let gateway = network.listen(HTTP);
        let gateway = gateway.map_err(|error| NamesError::of(at(HTTP), error))?;
        Ok(Self { gateway, server })
    }
}
