//! Why names are off.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
};

use thiserror::Error;

/// Why names of services cannot be resolved inside containers. A platform can do without: it says so and goes on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NamesError {
    /// Ports below 1024 are not for everybody.
    #[error("listening on {address} needs root or CAP_NET_BIND_SERVICE")]
    NotAllowed {
        /// The address and port.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Another program is there, often one that listens on all addresses.
    #[error("another program listens on {address}")]
    Taken {
        /// The address and port.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The address is none of this machine's: the engine runs elsewhere, or in a network of its own (rootless).
    #[error("{address} is no address of this machine")]
    Elsewhere {
        /// The address and port.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Anything else.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address and port.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl NamesError {
    pub(super) fn of(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            ErrorKind::PermissionDenied => Self::NotAllowed { address, source },
            ErrorKind::AddrInUse => Self::Taken { address, source },
            ErrorKind::AddrNotAvailable => Self::Elsewhere { address, source },
            _ => Self::Bind { address, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_says_what_to_do_about_it() {
        let address = SocketAddr::from(([172, 18, 0, 1], 53));
        let rows = [
            (
                ErrorKind::PermissionDenied,
                "listening on 172.18.0.1:53 needs root or CAP_NET_BIND_SERVICE",
            ),
            (
                ErrorKind::AddrInUse,
                "another program listens on 172.18.0.1:53",
            ),
            (
                ErrorKind::AddrNotAvailable,
                "172.18.0.1:53 is no address of this machine",
            ),
            (ErrorKind::OutOfMemory, "cannot listen on 172.18.0.1:53"),
        ];
        for (kind, expected) in rows {
            assert_eq!(NamesError::of(address, kind.into()).to_string(), expected);
        }
    }
}
