//! Waiting for an instance.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use knative_core::http::{Body, BodyError};

use super::visit::{Visit, Wait};

/// How much of a waiting request's body is read ahead, so that it is noticed when the client leaves.
const READ_AHEAD: usize = 64 << 10;

/// Why a request that waited is not served.
#[derive(Debug)]
pub(super) enum Unserved {
    /// The revision was removed, or nothing can be started for it.
    Refused,
    /// The client left in the middle of the body.
    Left,
}

/// Waits for the request's turn, and meanwhile reads a part of its body: a server looks at a connection only while
/// somebody reads from it.
pub(super) async fn turn(wait: &mut Wait, body: &mut Body) -> Result<Visit, Unserved> {
    let mut held = Held::default();
    let mut more = !body.is_end_stream();
    let visit = loop {
        tokio::select! {
            biased;
            visit = wait.turn() => break visit.ok_or(Unserved::Refused),
            frame = body.frame(), if more => {
                let Ok(frame) = frame.transpose() else {
                    break Err(Unserved::Left);
                };
                more = held.push(frame) && held.bytes < READ_AHEAD;
                more = wait.hold(held.last) && more;
            }
        }
    };
    if !held.is_empty() {
        held.rest = Some(std::mem::take(body));
        *body = Body::new(held);
    }
    visit
}

/// A body of which a part was read.
#[derive(Debug, Default)]
struct Held {
    frames: VecDeque<Frame<Bytes>>,
    bytes: usize,
    /// Bytes of the latest frame.
    last: usize,
    ended: bool,
    rest: Option<Body>,
}

impl Held {
    fn is_empty(&self) -> bool {
        self.frames.is_empty() && !self.ended
    }

    /// Answers whether there may be more.
    fn push(&mut self, frame: Option<Frame<Bytes>>) -> bool {
        let Some(frame) = frame else {
            self.ended = true;
            self.last = 0;
            return false;
        };
        self.last = frame.data_ref().map_or(0, Bytes::len);
        self.bytes += self.last;
        self.frames.push_back(frame);
        true
    }
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(frame) = self.frames.pop_front() {
            self.bytes -= frame.data_ref().map_or(0, Bytes::len);
            return Poll::Ready(Some(Ok(frame)));
        }
        let ended = self.ended;
        match &mut self.rest {
            Some(rest) if !ended => Pin::new(rest).poll_frame(cx),
            _ => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        let rest = self.rest.as_ref();
        self.frames.is_empty() && (self.ended || rest.is_none_or(Body::is_end_stream))
    }

    fn size_hint(&self) -> SizeHint {
        let rest = match &self.rest {
            Some(rest) if !self.ended => rest.size_hint(),
            _ => SizeHint::with_exact(0),
        };
        let held = u64::try_from(self.bytes).unwrap_or(u64::MAX);
        let mut hint = SizeHint::new();
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(held));
        }
        hint.set_lower(rest.lower().saturating_add(held));
        hint
    }
}
