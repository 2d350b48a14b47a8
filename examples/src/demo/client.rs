//! A client with one connection that is kept.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use http::{Request, StatusCode, header::HOST};
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    body::Bytes,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::Instant};
use tokio_util::task::TaskTracker;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: String,
    /// From the request to the first byte of the answer.
    pub(super) took: Duration,
}

/// Calls services through the gateway by their host names.
#[derive(Debug)]
pub(super) struct Client {
    gateway: SocketAddr,
    tasks: TaskTracker,
    connection: Option<SendRequest<Empty<Bytes>>>,
}

impl Client {
    pub(super) const fn new(gateway: SocketAddr, tasks: TaskTracker) -> Self {
        Self {
            gateway,
            tasks,
            connection: None,
        }
    }

    pub(super) async fn get(&mut self, host: &str, path: &str) -> Result<Answer> {
        let request = Request::get(path).header(HOST, host).body(Empty::new())?;
        let mut connection = self.connected().await?;
        let began = Instant::now();
        let response = connection.send_request(request).await?;
        let took = began.elapsed();
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        self.connection = Some(connection);
        Ok(Answer {
            status,
            body: String::from_utf8_lossy(&body).trim_end().to_owned(),
            took,
        })
    }

    async fn connected(&mut self) -> Result<SendRequest<Empty<Bytes>>> {
        if let Some(mut connection) = self.connection.take()
            && connection.ready().await.is_ok()
        {
            return Ok(connection);
        }
        let stream = TcpStream::connect(self.gateway).await;
        let stream = stream.context("the gateway does not answer")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        self.tasks.spawn(connection);
        Ok(sender)
    }
}
