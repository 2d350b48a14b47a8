//! Opening connections to instances.

use std::{fmt, io};

use async_trait::async_trait;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};

use super::Endpoint;

/// An open connection.
pub trait Connection: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connection for T {}

/// Opens connections. Injected, so that tests and simulations bring their own network.
#[async_trait]
pub trait Dial: fmt::Debug + Send + Sync + 'static {
    /// Connects to an endpoint.
    ///
    /// # Errors
    /// The endpoint does not accept, or is not of a kind that is connected to ([`io::ErrorKind::Unsupported`]).
    async fn dial(&self, endpoint: &Endpoint) -> io::Result<Box<dyn Connection>>;
}

/// The operating system's sockets.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioDial;

#[async_trait]
impl Dial for TokioDial {
    async fn dial(&self, endpoint: &Endpoint) -> io::Result<Box<dyn Connection>> {
        match endpoint {
            Endpoint::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Endpoint::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
            Endpoint::Service(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "an in-process service is called, not connected to",
            )),
        }
    }
}
