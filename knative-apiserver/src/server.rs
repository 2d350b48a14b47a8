//! The API on a socket, with TLS.

use std::{convert::Infallible, fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use http::header::AUTHORIZATION;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use jiff::Timestamp;
use knative_core::{
    http::{Body, Response},
    platform::{Component, ComponentError, Context, Stage},
    store::UserInfo,
};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    credentials::{Credentials, CredentialsError},
    kubeconfig::Kubeconfig,
    router,
    service::ApiServer,
    tls,
};

/// How long a client may take to agree on TLS, or to send its headers.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the listener rests when the system has no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How many requests one connection may have open; the API server's number.
const MAX_STREAMS: u32 = 250;

/// Why the API cannot be served.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// Which address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Certificates cannot be made.
    #[error("cannot make the API's credentials")]
    Credentials(#[source] CredentialsError),
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<rustls::Error> for ServeError {
    fn from(error: rustls::Error) -> Self {
        Self::Tls(Box::new(error))
    }
}

impl From<rustls::server::VerifierBuilderError> for ServeError {
    fn from(error: rustls::server::VerifierBuilderError) -> Self {
        Self::Tls(Box::new(error))
    }
}

impl ApiServer {
    /// Listens on `address`; port 0 picks a free one. Connections are accepted once the server runs.
    ///
    /// # Errors
    /// The address is taken, or TLS cannot be set up.
    pub async fn bind(
        &self,
        address: SocketAddr,
        credentials: Arc<Credentials>,
    ) -> Result<BoundApiServer, ServeError> {
        let bind = |source| ServeError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let config = tls::config(&credentials, address.ip(), Arc::clone(&self.api.clock))?;
        Ok(BoundApiServer {
            server: self.clone(),
            listener,
            address,
            credentials,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }
}

/// The API on an address that is listened on: a part of a platform that takes in work and drains first.
///
/// When it drains it accepts no more connections, ends the watches, and lets the other requests finish.
pub struct BoundApiServer {
    server: ApiServer,
    listener: TcpListener,
    address: SocketAddr,
    credentials: Arc<Credentials>,
    acceptor: TlsAcceptor,
}

impl fmt::Debug for BoundApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundApiServer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl BoundApiServer {
    /// Where it listens.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What `kubectl` needs to enter, with a certificate that is valid for a year from `now`.
    ///
    /// # Errors
    /// No certificate can be made.
    pub fn kubeconfig(&self, now: Timestamp) -> Result<Kubeconfig, CredentialsError> {
        Kubeconfig::new(&self.credentials, self.address, now)
    }

    /// Accepts connections until `shutdown`, then drains.
    pub async fn serve(&self, shutdown: CancellationToken) {
        let connections = TaskTracker::new();
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let connection = self.connection(&connections);
                    connections.spawn(connection.run(stream, graceful.watcher(), shutdown.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection to the API could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        self.server.end_watches();
        graceful.shutdown().await;
        connections.close();
        connections.wait().await;
        self.server.api.sessions.close();
        self.server.api.sessions.wait().await;
    }

    fn connection(&self, tasks: &TaskTracker) -> Connection {
        Connection {
            server: self.server.clone(),
            credentials: Arc::clone(&self.credentials),
            acceptor: self.acceptor.clone(),
            tasks: tasks.clone(),
        }
    }
}

#[async_trait]
impl Component for BoundApiServer {
    fn name(&self) -> &'static str {
        "api"
    }

    fn stage(&self) -> Stage {
        Stage::Edge
    }

    async fn run(
        self: Arc<Self>,
        _: Context,
        shutdown: CancellationToken,
    ) -> Result<(), ComponentError> {
        self.serve(shutdown).await;
        Ok(())
    }
}

/// One client's connection.
struct Connection {
    server: ApiServer,
    credentials: Arc<Credentials>,
    acceptor: TlsAcceptor,
    tasks: TaskTracker,
}

impl Connection {
    async fn run(self, stream: TcpStream, watcher: Watcher, shutdown: CancellationToken) {
        // Small answers should not wait for more.
        let _ = stream.set_nodelay(true);
        let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, self.acceptor.accept(stream));
        let agreed = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            agreed = handshake => agreed,
        };
        let stream = match agreed {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!(%error, "no TLS with a client of the API"),
            Err(_) => return tracing::debug!("a client of the API was too slow with TLS"),
        };
        let peer = tls::peer(stream.get_ref().1);
        let builder = builder(self.tasks.clone());
        let (server, credentials) = (self.server, self.credentials);
        let service = service_fn(move |request: http::Request<Incoming>| {
            answer(
                server.clone(),
                Arc::clone(&credentials),
                peer.clone(),
                request,
            )
        });
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection.into_owned()).await {
            tracing::debug!(error, "a connection to the API broke");
        }
    }
}

async fn answer(
    server: ApiServer,
    credentials: Arc<Credentials>,
    peer: Option<UserInfo>,
    request: http::Request<Incoming>,
) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    let user = peer.or_else(|| {
        let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        credentials.user_of_token(token.trim())
    });
    if let Some(user) = user {
        request.extensions_mut().insert(user);
    }
    Ok(router::serve(&server.api, request).await)
}

fn builder(tasks: TaskTracker) -> auto::Builder<Tracked> {
    let mut builder = auto::Builder::new(Tracked(tasks));
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HANDSHAKE_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS);
    builder
}

/// Runs the tasks of HTTP/2 where the server's end waits for them.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}
