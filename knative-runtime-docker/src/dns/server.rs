//! The name server: sockets around what a zone knows and what others say.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use domain::base::iana::Rcode;
use knative_core::platform::{Component, ComponentError, Context, Stage};
use tokio::{
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    NamesError,
    forward::{Forwarder, Transport},
    frame,
    resolvers::Resolvers,
    zone::{Verdict, Zone, refusal},
};
use crate::{
    Subnet,
    socket::{self, Presence},
};

/// Queries that wait for a resolver at a time; further ones are refused. Names of services take no place.
const WAITING: usize = 256;
/// Connections at a time; further ones are closed.
const CONNECTIONS: usize = 64;
/// How long a connection may rest between two queries, or take for one message.
const REST: Duration = Duration::from_secs(10);
/// The longest query over UDP. Longer ones are cut, and so no query.
const QUERY: usize = 4096;
/// How long after a failed read or accept the next one is tried.
const PAUSE: Duration = Duration::from_millis(50);

/// Resolves names for the containers of a network: those of services by itself, all others by the machine's resolvers.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    udp: UdpSocket,
    tcp: TcpListener,
    sources: Subnet,
    zone: Zone,
    forwarder: Forwarder,
    waiting: Arc<Semaphore>,
    connections: Arc<Semaphore>,
}

impl NameServer {
    /// Listens on `address`, over UDP and TCP, for `sources`. Names that are `known` lead to the address itself: see
    /// [`Names::bind`](super::Names::bind).
    pub(super) fn bind(
        (address, presence): (SocketAddr, Presence),
        sources: Subnet,
        known: impl Fn(&str) -> bool + Send + Sync + 'static,
        resolvers: Resolvers,
    ) -> Result<Self, NamesError> {
        let failed = |error| NamesError::of(address, error);
        let IpAddr::V4(leads_to) = address.ip() else {
            return Err(failed(io::ErrorKind::AddrNotAvailable.into()));
        };
        let tcp = socket::tcp(address, presence).map_err(failed)?;
        let address = tcp.local_addr().map_err(failed)?;
        let udp = socket::udp(address, presence).map_err(failed)?;
        Ok(Self {
            address,
            udp,
            tcp,
            sources,
            zone: Zone::new(leads_to, known),
            forwarder: Forwarder::new(resolvers, address),
            waiting: Arc::new(Semaphore::new(WAITING)),
            connections: Arc::new(Semaphore::new(CONNECTIONS)),
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown`. Who still waits then gets no answer: the containers are gone.
    pub async fn serve(self: &Arc<Self>, shutdown: CancellationToken) {
        let tasks = Tasks {
            tracker: TaskTracker::new(),
            shutdown: shutdown.clone(),
        };
        let serving = async { tokio::join!(self.serve_udp(&tasks), self.serve_tcp(&tasks)) };
        shutdown.run_until_cancelled(serving).await;
        tasks.tracker.close();
        tasks.tracker.wait().await;
    }

    async fn serve_udp(self: &Arc<Self>, tasks: &Tasks) {
        let mut buffer = vec![0; QUERY];
        loop {
            match self.udp.recv_from(&mut buffer).await {
                Ok((length, source)) => self.take(&buffer[..length], source, tasks),
                Err(error) => pause("query not read", &error).await,
            }
        }
    }

    fn take(self: &Arc<Self>, message: &[u8], source: SocketAddr, tasks: &Tasks) {
        if !self.sources.contains(source.ip()) {
            return;
        }
        match self.zone.judge(message) {
            Verdict::Ignore => {}
            Verdict::Answer(answer) => self.reply(&answer, source),
            Verdict::Forward => {
                let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() else {
                    return self.reply(&refusal(message, Rcode::SERVFAIL), source);
                };
                let (server, message) = (Arc::clone(self), message.to_vec());
                tasks.spawn(async move {
                    let answer = server.forward(&message, Transport::Udp).await;
                    server.reply(&answer, source);
                    drop(place);
                });
            }
        }
    }

    /// Without waiting: an answer for which there is no room is one more lost packet, and asked for again.
    fn reply(&self, answer: &[u8], source: SocketAddr) {
        if let Err(error) = self.udp.try_send_to(answer, source) {
            tracing::debug!(%source, %error, "answer not sent");
        }
    }

    async fn forward(&self, message: &[u8], transport: Transport) -> Vec<u8> {
        let answer = self.forwarder.ask(message, transport).await;
        answer.unwrap_or_else(|| refusal(message, Rcode::SERVFAIL))
    }

    async fn serve_tcp(self: &Arc<Self>, tasks: &Tasks) {
        loop {
            match self.tcp.accept().await {
                Ok((stream, source)) => self.open(stream, source, tasks),
                Err(error) => pause("connection not accepted", &error).await,
            }
        }
    }

    fn open(self: &Arc<Self>, stream: TcpStream, source: SocketAddr, tasks: &Tasks) {
        if !self.sources.contains(source.ip()) {
            return;
        }
        let Ok(place) = Arc::clone(&self.connections).try_acquire_owned() else {
            return;
        };
        let server = Arc::clone(self);
        tasks.spawn(async move {
            if let Err(error) = server.converse(stream).await {
                tracing::debug!(%source, %error, "connection ended");
            }
            drop(place);
        });
    }

    /// Answers one query after the other.
    async fn converse(&self, mut stream: TcpStream) -> io::Result<()> {
        loop {
            let message = timeout(REST, frame::read(&mut stream)).await??;
            let answer = match self.zone.judge(&message) {
                Verdict::Ignore => return Ok(()),
                Verdict::Answer(answer) => answer,
                Verdict::Forward => match self.waiting.try_acquire() {
                    Ok(_place) => self.forward(&message, Transport::Tcp).await,
                    Err(_) => refusal(&message, Rcode::SERVFAIL),
                },
            };
            timeout(REST, frame::write(&mut stream, &answer)).await??;
        }
    }
}

/// Tasks of a server, which end with it.
#[derive(Debug)]
struct Tasks {
    tracker: TaskTracker,
    shutdown: CancellationToken,
}

impl Tasks {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = self.shutdown.clone().run_until_cancelled_owned(task);
        self.tracker.spawn(task);
    }
}

async fn pause(what: &str, error: &io::Error) {
    tracing::warn!(%error, "{what}");
    tokio::time::sleep(PAUSE).await;
}

#[async_trait]
impl Component for NameServer {
    fn name(&self) -> &'static str {
        "name server"
    }

    /// Requests that drain still need names.
    fn stage(&self) -> Stage {
        Stage::Base
    }

    async fn run(
        self: Arc<Self>,
        _context: Context,
        shutdown: CancellationToken,
    ) -> Result<(), ComponentError> {
        self.serve(shutdown).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
