//! The platform's own bridge network.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use bollard::{
    BollardRequest,
    errors::Error,
    models::{IpamConfig, NetworkCreateRequest, NetworkInspect},
    query_parameters::ListNetworksOptionsBuilder,
};
use http::{Uri, uri::PathAndQuery};
use sha2::{Digest as _, Sha256};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{
    engine::{ConnectError, Engine, settled, text},
    label,
    socket::{self, Presence},
};

/// How long an address on the bridge may take to answer or refuse a connection.
const REACH: Duration = Duration::from_secs(5);
/// A port where nothing listens: the discard service's (RFC 863).
const CLOSED: u16 = 9;
/// How Podman makes a network, from version 4 on.
const LIBPOD: &str = "/v4.0.0/libpod/networks/create";

/// A platform's network, of which every instance has an address. It is there before the runtime, so that the platform can
/// listen on it before the first instance starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerNetwork {
    pub(crate) platform: String,
    pub(crate) name: String,
    pub(crate) gateway: Ipv4Addr,
    pub(crate) subnet: Subnet,
    pub(crate) presence: Presence,
    /// Whether no earlier run had made it.
    is_new: bool,
}

/// Addresses with the same first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    base: Ipv4Addr,
    bits: u8,
}

impl Subnet {
    /// Whether an address belongs to it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let IpAddr::V4(address) = address.to_canonical() else {
            return false;
        };
        let mask = u32::MAX
            .checked_shl(32 - u32::from(self.bits))
            .unwrap_or_default();
        u32::from(address) & mask == u32::from(self.base) & mask
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (base, bits) = text.split_once('/')?;
        Some(Self {
            base: base.parse().ok()?,
            bits: bits.parse().ok().filter(|bits| *bits <= 32)?,
        })
    }
}

impl DockerNetwork {
    /// The network of the platform named `platform` (letters, digits and hyphens): the one that an earlier run made, or a
    /// new one. It is taken away when the runtime shuts down.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn ensure(engine: &Engine, platform: &str) -> Result<Self, ConnectError> {
        let name = format!("knative-{platform}");
        let failed = |error| engine.unusable(format!("the network {name:?}: {}", text(&error)));
        let filter = HashMap::from([("name".to_owned(), vec![format!("^{name}$")])]);
        let options = ListNetworksOptionsBuilder::default()
            .filters(&filter)
            .build();
        let existing = engine.docker().list_networks(Some(options)).await;
        let is_new = existing.map_err(failed)?.is_empty();
        if is_new {
            let created = create(engine, request(&name, platform));
            created.await.map_err(failed)?;
        }
        let network = engine.docker().inspect_network(&name, None).await;
        let presence = if engine.is_podman() {
            Presence::WithContainers
        } else {
            Presence::Now
        };
        Self::of(&network.map_err(failed)?, platform, presence)
            .map(|network| Self { is_new, ..network })
            .ok_or_else(|| engine.unusable(format!("the network {name:?} has no IPv4 addresses")))
    }

    /// The platform's own address on it.
    pub const fn address(&self) -> Ipv4Addr {
        self.gateway
    }

    /// Listens on the platform's own address, before the first container too. Called within a tokio runtime.
    ///
    /// # Errors
    /// The system's.
    pub fn listen(&self, port: u16) -> io::Result<TcpListener> {
        socket::tcp(SocketAddr::new(self.gateway.into(), port), self.presence)
    }

    /// The addresses of its instances.
    pub const fn subnet(&self) -> Subnet {
        self.subnet
    }

    fn of(network: &NetworkInspect, platform: &str, presence: Presence) -> Option<Self> {
        let configs = network.ipam.as_ref()?.config.as_ref()?;
        configs.iter().find_map(|config: &IpamConfig| {
            let subnet = Subnet::parse(config.subnet.as_deref()?)?;
            let gateway = config.gateway.as_deref()?;
            Some(Self {
                platform: platform.to_owned(),
                name: network.name.clone()?,
                gateway: gateway.split('/').next()?.parse().ok()?,
                subnet,
                presence,
                is_new: false,
            })
        })
    }

    /// Takes the network away again if [`ensure`](Self::ensure) has made it: for a platform that cannot start.
    pub async fn give_back(&self, engine: &Engine) {
        if self.is_new {
            self.remove(engine).await;
        }
    }

    /// Takes the network away; what still uses it keeps it.
    pub(crate) async fn remove(&self, engine: &Engine) {
        let removed = engine.docker().remove_network(&self.name).await;
        if let Err(error) = settled(removed) {
            tracing::warn!(network = %self.name, error = %text(&error), "the network could not be removed");
        }
    }
}

/// Asks whether containers can be reached from here: a port where nothing listens refuses at once.
pub(crate) async fn reachable(engine: &Engine, address: Ipv4Addr) -> Result<(), ConnectError> {
    let connecting = TcpStream::connect(SocketAddr::new(address.into(), CLOSED));
    match timeout(REACH, connecting).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Ok(Err(_)) | Err(_) => Err(engine.unusable(format!(
            "its containers' address {address} cannot be reached from here; run the platform on the engine's own machine"
        ))),
    }
}

async fn create(engine: &Engine, mut request: NetworkCreateRequest) -> Result<(), Error> {
    if !engine.is_podman() {
        return engine.docker().create_network(request).await.map(drop);
    }
    // Docker's own; Podman names bridges by itself.
    request.options = None;
    let docker = engine.docker().clone().with_request_modifier(libpod);
    match docker.create_network(request).await {
        // The network is made, and shown in Podman's own words.
        Ok(_) | Err(Error::JsonDataError { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A network that is made through Podman's Docker API has a name server, at the port where ours listens; one that is made
/// through its own API has none. Both take a request's names whatever their case.
fn libpod(mut request: BollardRequest) -> BollardRequest {
    let mut uri = request.uri().clone().into_parts();
    uri.path_and_query = Some(PathAndQuery::from_static(LIBPOD));
    if let Ok(uri) = Uri::from_parts(uri) {
        *request.uri_mut() = uri;
    }
    request
}

fn request(name: &str, platform: &str) -> NetworkCreateRequest {
    NetworkCreateRequest {
        name: name.to_owned(),
        driver: Some("bridge".to_owned()),
        options: Some(HashMap::from([(
            "com.docker.network.bridge.name".to_owned(),
            interface(platform),
        )])),
        labels: Some(HashMap::from([(
            label::PLATFORM.to_owned(),
            platform.to_owned(),
        )])),
        ..NetworkCreateRequest::default()
    }
}

/// The bridge's name. The kernel takes at most 15 bytes, and platforms' names may begin alike.
fn interface(platform: &str) -> String {
    let hash = Sha256::digest(platform);
    let digits = hash.iter().take(6).map(|byte| format!("{byte:02x}"));
    format!("kn-{}", digits.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_begin_alike_have_bridges_of_their_own() {
        let one = interface("a-platform-of-mine-1");
        assert_eq!(one.len(), 15);
        assert_ne!(one, interface("a-platform-of-mine-2"));
    }

    #[test]
    fn a_subnet_has_its_addresses_only() {
        let subnet = Subnet::parse("172.18.0.0/16").unwrap();
        let rows = [
            ("172.18.0.1", true),
            ("172.18.255.255", true),
            ("172.19.0.1", false),
            ("::ffff:172.18.0.9", true),
            ("::1", false),
        ];
        for (address, inside) in rows {
            assert_eq!(
                subnet.contains(address.parse().unwrap()),
                inside,
                "{address}"
            );
        }
        assert!(
            Subnet::parse("10.0.0.0/0")
                .unwrap()
                .contains("1.2.3.4".parse().unwrap())
        );
        assert_eq!(Subnet::parse("10.0.0.0/33"), None);
    }
}
