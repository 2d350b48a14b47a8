//! Names of the world outside: the machine's resolvers are asked.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use domain::base::{Message, iana::Rcode};
use tokio::{
    net::{TcpStream, UdpSocket},
    time::timeout,
};

use super::{frame, resolvers::Resolvers};

/// How long one resolver is waited for before the next is asked.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How long an answer may take in all. The engine's resolver, which asks for containers, gives up after four seconds.
const ALL: Duration = Duration::from_millis(3500);
/// How often each resolver is asked, as resolv.conf(5) has it: packets get lost.
const ROUNDS: usize = 2;
/// The largest message there is.
const LARGEST: usize = u16::MAX as usize;

/// How the one who asks gets its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// A truncated answer is passed on: it tells the one who asks to come by TCP.
    Udp,
    /// An answer of any length; one that is truncated is asked for again by TCP.
    Tcp,
}

/// Asks others.
#[derive(Debug)]
pub(super) struct Forwarder {
    resolvers: Resolvers,
    own: SocketAddr,
}

impl Forwarder {
    /// Asks `resolvers`, but not `own`.
    pub(super) const fn new(resolvers: Resolvers, own: SocketAddr) -> Self {
        Self { resolvers, own }
    }

    /// The answer to a query; the last refusal if all refuse, `None` if nobody answers in time.
    pub(super) async fn ask(&self, query: &[u8], transport: Transport) -> Option<Vec<u8>> {
        let mut refusal = None;
        let asked = timeout(ALL, self.ask_all(query, transport, &mut refusal)).await;
        asked.ok().flatten().or(refusal)
    }

    async fn ask_all(
        &self,
        query: &[u8],
        transport: Transport,
        refusal: &mut Option<Vec<u8>>,
    ) -> Option<Vec<u8>> {
        let query = Message::from_octets(query).ok()?;
        for resolver in self.resolvers.current(self.own).await.repeat(ROUNDS) {
            match timeout(PATIENCE, exchange(resolver, query, transport)).await {
                Ok(Ok(answer)) if refuses(&answer) => *refusal = Some(answer),
                Ok(Ok(answer)) => return Some(answer),
                Ok(Err(error)) => tracing::debug!(%resolver, %error, "a resolver was not reached"),
                Err(_) => tracing::debug!(%resolver, "a resolver did not answer"),
            }
        }
        None
    }
}

async fn exchange(
    resolver: SocketAddr,
    query: Message<&[u8]>,
    transport: Transport,
) -> io::Result<Vec<u8>> {
    let answer = over_udp(resolver, query).await?;
    if transport == Transport::Tcp && is_truncated(&answer) {
        return over_tcp(resolver, query).await;
    }
    Ok(answer)
}

/// Asks from a port of its own, so that no late answer to another query is taken for this one's, and keeps the id of the
/// query: nothing is remembered here, so that one who guesses it deceives nobody but the one who chose it.
async fn over_udp(resolver: SocketAddr, query: Message<&[u8]>) -> io::Result<Vec<u8>> {
    let any = match resolver.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    socket.connect(resolver).await?;
    socket.send(query.as_slice()).await?;
    let mut buffer = vec![0; LARGEST];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if answers(&buffer[..length], query) {
            buffer.truncate(length);
            return Ok(buffer);
        }
    }
}

async fn over_tcp(resolver: SocketAddr, query: Message<&[u8]>) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(resolver).await?;
    frame::write(&mut stream, query.as_slice()).await?;
    let answer = frame::read(&mut stream).await?;
    if answers(&answer, query) {
        return Ok(answer);
    }
    Err(io::ErrorKind::InvalidData.into())
}

fn answers(message: &[u8], query: Message<&[u8]>) -> bool {
    Message::from_octets(message).is_ok_and(|message| message.is_answer(&query))
}

fn is_truncated(answer: &[u8]) -> bool {
    Message::from_octets(answer).is_ok_and(|answer| answer.header().tc())
}

/// Whether another resolver may know better.
fn refuses(answer: &[u8]) -> bool {
    Message::from_octets(answer).is_ok_and(|answer| {
        [Rcode::SERVFAIL, Rcode::NOTIMP, Rcode::REFUSED].contains(&answer.header().rcode())
    })
}
