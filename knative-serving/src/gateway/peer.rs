//! Who a connection comes from.

use std::net::IpAddr;

use http::{HeaderValue, uri::Scheme};

/// Who sends the requests of a connection. The default is a part of the platform itself.
#[derive(Clone, Debug)]
pub struct Peer {
    address: Option<IpAddr>,
    /// Whether hosts that are visible inside only are none for it.
    pub(super) outside: bool,
    /// The address as `X-Forwarded-For` has it.
    pub(super) forwarded_for: HeaderValue,
    pub(super) scheme: Scheme,
}

impl Peer {
    /// A client at `address` that sees all hosts.
    pub fn new(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let text = HeaderValue::try_from(address.to_string());
        Self {
            address: Some(address),
            outside: false,
            forwarded_for: text.unwrap_or_else(|_| HeaderValue::from_static("unknown")),
            scheme: Scheme::HTTP,
        }
    }

    /// A client at `address` that sees public hosts only.
    pub fn outside(address: IpAddr) -> Self {
        Self {
            outside: true,
            ..Self::new(address)
        }
    }

    /// The client's address; `None` for a part of the platform.
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }
}

impl Default for Peer {
    fn default() -> Self {
        let mut peer = Self::new(IpAddr::from([127, 0, 0, 1]));
        peer.address = None;
        peer
    }
}
