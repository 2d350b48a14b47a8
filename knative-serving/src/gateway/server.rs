//! The listener in front of the gateway.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use knative_core::{
    http::{Body, Connection},
    platform::{Component, ComponentError, Context, Stage},
};
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Gateway, Scope, peer::Peer, task::Executor};

/// Bytes that a client may send as headers.
const HEADER_BYTES: usize = 64 << 10;
/// Requests at a time on one HTTP/2 connection.
const STREAMS: u32 = 250;
/// How long after a failed accept the next one is tried: then there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Bounds of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenerOptions {
    /// How long a client may take for the headers of a request, and rest between two. Default 60 s.
    pub header_timeout: Duration,
    /// How long requests may take to end when the platform stops. Default 25 s.
    pub drain_timeout: Duration,
}

impl Default for ListenerOptions {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(25),
        }
    }
}

/// Takes connections for a gateway: HTTP/1.1 and HTTP/2 by prior knowledge, with upgrades.
///
/// By default one listener serves everything. A platform whose instances have a network of their own gives its listener
/// [`Scope::Public`] and adds a second one with [`Scope::Private`] on that network.
#[derive(Debug)]
pub struct Listener {
    gateway: Gateway,
    address: SocketAddr,
    socket: Mutex<Option<TcpListener>>,
    scope: Scope,
    options: ListenerOptions,
}

impl Listener {
    /// Listens for `gateway`.
    ///
    /// # Errors
    /// The socket has no address.
    pub fn new(gateway: Gateway, socket: TcpListener) -> io::Result<Self> {
        Ok(Self {
            gateway,
            address: socket.local_addr()?,
            socket: Mutex::new(Some(socket)),
            scope: Scope::default(),
            options: ListenerOptions::default(),
        })
    }

    /// Serves others, or others' hosts, than [`Scope::Everything`].
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Replaces the bounds.
    #[must_use]
    pub const fn with_options(mut self, options: ListenerOptions) -> Self {
        self.options = options;
        self
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`; then no connection is taken any more, and requests that run may end.
    pub async fn serve(&self, shutdown: CancellationToken) {
        let Some(socket) = self.socket.lock().take() else {
            return;
        };
        let server = Server {
            http: self.http(),
            scope: self.scope.clone(),
            gateway: self.gateway.clone(),
            open: GracefulShutdown::new(),
            tasks: TaskTracker::new(),
        };
        shutdown.run_until_cancelled(server.accept(&socket)).await;
        drop(socket);
        self.drain(server).await;
    }

    async fn drain(&self, server: Server) {
        let Server { open, tasks, .. } = server;
        self.gateway.shared.ending.cancel();
        tasks.close();
        let ended = async {
            open.shutdown().await;
            tasks.wait().await;
            self.gateway.close().await;
        };
        if tokio::time::timeout(self.options.drain_timeout, ended)
            .await
            .is_err()
        {
            tracing::warn!("requests were still running when the gateway stopped");
        }
    }

    fn http(&self) -> auto::Builder<Executor> {
        let mut http = auto::Builder::new(Executor::new(&self.gateway.shared.tasks));
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.options.header_timeout)
            .max_buf_size(HEADER_BYTES)
            .half_close(false);
        http.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(u32::try_from(HEADER_BYTES).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(20);
        http
    }
}

#[async_trait]
impl Component for Listener {
    fn name(&self) -> &'static str {
        self.scope.name()
    }

    fn stage(&self) -> Stage {
        Stage::Edge
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

struct Server {
    http: auto::Builder<Executor>,
    scope: Scope,
    gateway: Gateway,
    open: GracefulShutdown,
    tasks: TaskTracker,
}

impl Server {
    async fn accept(&self, socket: &TcpListener) {
        loop {
            match socket.accept().await {
                Ok((stream, address)) => self.take(stream, address),
                Err(error) => {
                    tracing::warn!(%error, "connection not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn take(&self, stream: TcpStream, address: SocketAddr) {
        let Some(peer) = self.scope.peer(address.ip()) else {
            tracing::debug!(%address, "a connection from elsewhere is not served");
            return;
        };
        // A connection that is gone already shows that when it is read.
        let _ = stream.set_nodelay(true);
        self.serve(stream, peer);
    }

    fn serve(&self, stream: impl Connection, peer: Peer) {
        let gateway = self.gateway.clone();
        let peer = Arc::new(peer);
        let service = service_fn(move |request: http::Request<Incoming>| {
            let (gateway, peer) = (gateway.clone(), Arc::clone(&peer));
            async move {
                let request = request.map(Body::new);
                Ok::<_, Infallible>(gateway.handle_request(request, &peer).await)
            }
        });
        let http = self.http.clone();
        let watcher = self.open.watcher();
        self.tasks.spawn(async move {
            let connection = http.serve_connection_with_upgrades(TokioIo::new(stream), service);
            // Clients end connections in any way they like.
            if let Err(error) = watcher.watch(connection.into_owned()).await {
                tracing::debug!(error, "connection ended");
            }
        });
    }
}
