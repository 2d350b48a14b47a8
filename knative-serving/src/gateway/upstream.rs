//! The body of an answer from outside of the platform.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;

use super::link::Link;

/// Drives its connection while it is read.
#[derive(Debug)]
pub(super) struct Upstream {
    body: Incoming,
    link: Box<Link>,
}

impl Upstream {
    pub(super) const fn new(body: Incoming, link: Box<Link>) -> Self {
        Self { body, link }
    }
}

impl http_body::Body for Upstream {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { body, link } = &mut *self;
        link.poll_frame(body, cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
