//! Whom a listener serves, and what.

use std::{fmt, net::IpAddr, sync::Arc};

use super::peer::Peer;

/// Whom a listener serves, and which hosts they see.
#[derive(Clone, Default)]
pub enum Scope {
    /// All hosts, to whoever reaches it. For a platform whose instances have no network of their own: processes call
    /// each other over the loopback interface, as users do, so that one listener serves both.
    #[default]
    Everything,
    /// The public hosts, to whoever reaches it. One that is visible inside only is answered as one that is not there.
    Public,
    /// All hosts, to the sources that this admits; a connection from anywhere else is closed at once. Public hosts are
    /// among them, as everybody may call those.
    Private(Arc<dyn Fn(IpAddr) -> bool + Send + Sync>),
}

impl Scope {
    /// For sources that `admits` says yes to.
    pub fn private(admits: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self::Private(Arc::new(admits))
    }

    /// The client at an address; `None` if it is not served.
    pub(super) fn peer(&self, address: IpAddr) -> Option<Peer> {
        match self {
            Self::Everything => Some(Peer::new(address)),
            Self::Public => Some(Peer::outside(address)),
            Self::Private(admits) => admits(address).then(|| Peer::new(address)),
        }
    }

    /// The listener's name among the parts of a platform.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Everything | Self::Public => "gateway",
            Self::Private(_) => "private gateway",
        }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Everything => "Everything",
            Self::Public => "Public",
            Self::Private(_) => "Private",
        })
    }
}
