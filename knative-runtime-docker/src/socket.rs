//! Sockets on addresses that may not be there yet: some engines make a bridge with its first container, and take it away
//! with its last.

use std::{io, net::SocketAddr};

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};

/// How many connections may wait to be accepted, as tokio's own listeners have it.
const BACKLOG: i32 = 1024;

/// Whether an address is this machine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// All the time; that it is not is an error.
    Now,
    /// While there are containers.
    WithContainers,
}

pub(crate) fn tcp(address: SocketAddr, presence: Presence) -> io::Result<TcpListener> {
    let socket = open(address, Type::STREAM, presence)?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

pub(crate) fn udp(address: SocketAddr, presence: Presence) -> io::Result<UdpSocket> {
    UdpSocket::from_std(open(address, Type::DGRAM, presence)?.into())
}

fn open(address: SocketAddr, kind: Type, presence: Presence) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    socket.set_nonblocking(true)?;
    if kind == Type::STREAM {
        // The connections of an earlier run, which take their time to end, do not keep the next one out.
        socket.set_reuse_address(true)?;
    }
    if presence == Presence::WithContainers {
        socket.set_freebind_v4(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_comes_later_can_be_listened_on() {
        // TEST-NET-1 (RFC 5737) is no machine's.
        let address = SocketAddr::from(([192, 0, 2, 1], 0));
        let error = tcp(address, Presence::Now).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
        let listener = tcp(address, Presence::WithContainers).unwrap();
        let at = listener.local_addr().unwrap();
        assert_eq!(at.ip(), address.ip());
        udp(at, Presence::WithContainers).unwrap();
    }
}
