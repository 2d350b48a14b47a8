//! The body of a response on its way to the client.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use knative_core::http::{Body, BodyError};
use thiserror::Error;

use super::{deadline::Deadline, link::Link, pool::Trunk, visit::Visit};

/// The response took too long.
#[derive(Debug, Error)]
#[error("request timeout")]
struct TimedOut;

/// Where the body comes from.
#[derive(Debug)]
enum Source {
    Linked(Incoming, Box<Link>),
    Shared(
        Incoming,
        #[expect(dead_code, reason = "counts on the connection until dropped")] Trunk,
    ),
    Local(Body),
}

/// Passes a body on; the request holds its place at the instance until the last byte was taken from here.
#[derive(Debug)]
pub(super) struct Stream {
    source: Option<Source>,
    visit: Option<Visit>,
    deadline: Deadline,
}

impl Stream {
    pub(super) fn linked(
        body: Incoming,
        link: Box<Link>,
        visit: Visit,
        deadline: Deadline,
    ) -> Self {
        Self::new(Source::Linked(body, link), visit, deadline)
    }

    pub(super) fn shared(body: Incoming, trunk: Trunk, visit: Visit, deadline: Deadline) -> Self {
        Self::new(Source::Shared(body, trunk), visit, deadline)
    }

    pub(super) fn local(body: Body, visit: Visit, deadline: Deadline) -> Self {
        Self::new(Source::Local(body), visit, deadline)
    }

    fn new(source: Source, visit: Visit, mut deadline: Deadline) -> Self {
        deadline.begun();
        let mut stream = Self {
            source: Some(source),
            visit: Some(visit),
            deadline,
        };
        stream.finish_if_ended();
        stream
    }

    /// Ends the request: its connection may serve the next one, its place is free.
    fn finish(&mut self) {
        let source = self.source.take();
        let visit = self.visit.take();
        if let (Some(Source::Linked(_, link)), Some(visit)) = (source, &visit)
            && let Some(member) = visit.member()
        {
            member.pool.put(link);
        }
    }

    fn finish_if_ended(&mut self) {
        if self.source.as_ref().is_some_and(Source::is_end) {
            self.finish();
        }
    }
}

impl Source {
    fn is_end(&self) -> bool {
        match self {
            Self::Linked(body, _) | Self::Shared(body, _) => body.is_end_stream(),
            Self::Local(body) => body.is_end_stream(),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self {
            Self::Linked(body, link) => link.poll_frame(body, cx).map_err(wrap),
            Self::Shared(body, _) => Pin::new(body).poll_frame(cx).map_err(wrap),
            Self::Local(body) => Pin::new(body).poll_frame(cx),
        }
    }
}

fn wrap(error: hyper::Error) -> BodyError {
    BodyError(Box::new(error))
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let Some(source) = &mut this.source else {
            return Poll::Ready(None);
        };
        match source.poll(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.deadline.progress();
                this.finish_if_ended();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) => {
                this.finish();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                this.source = None;
                this.visit = None;
                Poll::Ready(Some(Err(error)))
            }
            Poll::Pending => {
                ready!(this.deadline.poll(cx));
                this.source = None;
                this.visit = None;
                Poll::Ready(Some(Err(BodyError(Box::new(TimedOut)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.source.as_ref().is_none_or(Source::is_end)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Some(Source::Linked(body, _) | Source::Shared(body, _)) => body.size_hint(),
            Some(Source::Local(body)) => body.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}
