//! An HTTP/1.1 connection to an instance, driven by the request that uses it.
//!
//! No task of its own: the connection is polled within the request's future and then within the response's body, so a
//! request wakes one task only. While it rests in a pool nobody polls it; before its next use it is asked whether the
//! instance closed it.

use std::{
    fmt, io,
    pin::{Pin, pin},
    task::{Context, Poll, Waker, ready},
};

use bytes::Bytes;
use http_body::Frame;
use hyper::{
    body::Incoming,
    client::conn::{
        TrySendError,
        http1::{self, SendRequest},
    },
};
use hyper_util::rt::TokioIo;
use knative_core::http::{Body, Connection, Request};
use tokio::task::unconstrained;

/// A connected socket.
pub(super) type Socket = Box<dyn Connection>;

pub(super) struct Link {
    sender: SendRequest<Body>,
    /// `None` once it has ended, but for a switch of protocols.
    connection: Option<http1::Connection<TokioIo<Socket>, Body>>,
    ended: bool,
    /// Whether it served a request before.
    pub(super) used: bool,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

impl Link {
    pub(super) async fn open(socket: Socket) -> hyper::Result<Box<Self>> {
        let (sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
        Ok(Box::new(Self {
            sender,
            connection: Some(connection),
            ended: false,
            used: false,
        }))
    }

    /// Lets the connection work; answers whether it has ended.
    fn drive(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(connection) = self.connection.as_mut().filter(|_| !self.ended) {
            self.ended = connection.poll_without_shutdown(cx).is_ready();
        }
        self.ended
    }

    /// Whether it can take the next request: the last exchange is complete and the instance has not closed it.
    pub(super) fn is_usable(&mut self) -> bool {
        // Nobody is to be woken: the request that follows polls with a waker of its own. Without a budget, because a used
        // up one would look like a connection that is not ready.
        let look = std::future::poll_fn(|cx| Poll::Ready(self.drive(cx)));
        let mut quiet = Context::from_waker(Waker::noop());
        let ended = pin!(unconstrained(look)).poll(&mut quiet);
        matches!(ended, Poll::Ready(false)) && self.sender.is_ready()
    }

    /// Sends a request and waits for the head of the response.
    pub(super) async fn send(
        &mut self,
        request: Request,
    ) -> Result<http::Response<Incoming>, TrySendError<Request>> {
        let answer = self.sender.try_send_request(request);
        // The answer comes while the connection is driven, by this very task: a wake of its own would be for nothing.
        let mut answer = pin!(unconstrained(answer));
        std::future::poll_fn(|cx| {
            let mut quiet = Context::from_waker(Waker::noop());
            let ended = self.drive(cx);
            let polled = answer.as_mut().poll(&mut quiet);
            if polled.is_ready() || !ended {
                return polled;
            }
            // A request that the ended connection did not take any more comes back when that is dropped.
            self.connection = None;
            answer.as_mut().poll(&mut quiet)
        })
        .await
    }

    /// The next part of the response's body.
    pub(super) fn poll_frame(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        use http_body::Body as _;
        let mut quiet = Context::from_waker(Waker::noop());
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(&mut quiet) {
            return Poll::Ready(frame);
        }
        self.drive(cx);
        Pin::new(body).poll_frame(&mut quiet)
    }

    /// The socket, and what was read from it beyond the head of an answer that switched protocols.
    pub(super) async fn into_socket(mut self: Box<Self>) -> io::Result<(Socket, Bytes)> {
        std::future::poll_fn(|cx| {
            if let Some(connection) = self.connection.as_mut().filter(|_| !self.ended) {
                ready!(connection.poll_without_shutdown(cx)).map_err(io::Error::other)?;
            }
            Poll::Ready(io::Result::Ok(()))
        })
        .await?;
        let connection = self.connection.take();
        let parts = connection.ok_or(io::ErrorKind::NotConnected)?.into_parts();
        Ok((parts.io.into_inner(), parts.read_buf))
    }
}
