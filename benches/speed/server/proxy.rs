//! The least that a reverse proxy on hyper does: it passes requests on over pooled connections, and decides nothing.

use std::{collections::VecDeque, net::SocketAddr, sync::Arc};

use hyper::{
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

struct Proxy {
    upstream: SocketAddr,
    idle: Mutex<VecDeque<SendRequest<Incoming>>>,
    tasks: TaskTracker,
}

pub(crate) async fn run(upstream: SocketAddr) -> anyhow::Result<()> {
    let listener = super::listen().await?;
    let proxy = Arc::new(Proxy {
        upstream,
        idle: Mutex::default(),
        tasks: TaskTracker::new(),
    });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let forward = Arc::clone(&proxy);
        let service = service_fn(move |request| Arc::clone(&forward).forward(request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        proxy.tasks.spawn(connection);
    }
}

impl Proxy {
    async fn forward(
        self: Arc<Self>,
        request: http::Request<Incoming>,
    ) -> anyhow::Result<http::Response<Incoming>> {
        let mut sender = self.connection().await?;
        let response = sender.send_request(request).await?;
        self.idle.lock().push_back(sender);
        Ok(response)
    }

    /// The connection that rests longest, or a new one.
    async fn connection(&self) -> anyhow::Result<SendRequest<Incoming>> {
        let idle = self.idle.lock().pop_front();
        if let Some(mut sender) = idle
            && sender.ready().await.is_ok()
        {
            return Ok(sender);
        }
        let stream = TcpStream::connect(self.upstream).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        self.tasks.spawn(connection);
        Ok(sender)
    }
}
