//! One line per request, where somebody listens: `tracing` target `access`, level info.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header};
use http_body::{Body as _, Frame, SizeHint};
use knative_core::http::{Body, BodyError, Request, Response};
use tokio::time::Instant;

use super::{RevisionKey, peer::Peer};

/// The target of the lines.
pub const TARGET: &str = "access";

/// What a line says of a request; the names are those of Knative's request log.
#[derive(Debug)]
pub(super) struct Record {
    method: Method,
    url: Uri,
    version: Version,
    host: Option<HeaderValue>,
    agent: Option<HeaderValue>,
    referer: Option<HeaderValue>,
    trace: Option<HeaderValue>,
    request_size: u64,
    remote: Option<std::net::IpAddr>,
    pub(super) revision: Option<RevisionKey>,
    start: Instant,
}

impl Record {
    /// `None` unless somebody listens.
    pub(super) fn begin(request: &Request, peer: &Peer) -> Option<Box<Self>> {
        if !tracing::enabled!(target: TARGET, tracing::Level::INFO) {
            return None;
        }
        let header = |name: HeaderName| request.headers().get(name).cloned();
        Some(Box::new(Self {
            method: request.method().clone(),
            url: request.uri().clone(),
            version: request.version(),
            host: header(header::HOST),
            agent: header(header::USER_AGENT),
            referer: header(header::REFERER),
            trace: header(HeaderName::from_static("traceparent")),
            request_size: request.body().size_hint().exact().unwrap_or(0),
            remote: peer.address(),
            revision: None,
            start: Instant::now(),
        }))
    }

    /// Writes the line when the response's body ends.
    pub(super) fn follow(self: Box<Self>, response: Response) -> Response {
        let status = response.status();
        response.map(|body| {
            let mut logged = Logged {
                body,
                record: Some(self),
                status,
                size: 0,
            };
            logged.end_if_ended();
            Body::new(logged)
        })
    }

    fn write(&self, status: StatusCode, response_size: u64) {
        let text = |value: &Option<HeaderValue>| -> String {
            let text = value.as_ref().and_then(|value| value.to_str().ok());
            text.unwrap_or_default().to_owned()
        };
        tracing::info!(
            target: TARGET,
            requestMethod = %self.method,
            requestUrl = %self.url,
            host = text(&self.host),
            requestSize = self.request_size,
            status = status.as_u16(),
            responseSize = response_size,
            userAgent = text(&self.agent),
            remoteIp = self.remote.map(|remote| remote.to_string()),
            revision = self.revision.as_ref().map(ToString::to_string),
            referer = text(&self.referer),
            latency = format!("{}s", self.start.elapsed().as_secs_f64()),
            protocol = ?self.version,
            traceId = text(&self.trace).split('-').nth(1),
        );
    }
}

#[derive(Debug)]
struct Logged {
    body: Body,
    record: Option<Box<Record>>,
    status: StatusCode,
    size: u64,
}

impl Logged {
    fn end(&mut self) {
        if let Some(record) = self.record.take() {
            record.write(self.status, self.size);
        }
    }

    fn end_if_ended(&mut self) {
        if self.body.is_end_stream() {
            self.end();
        }
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        self.end();
    }
}

impl http_body::Body for Logged {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(frame) = &polled {
            let data = frame.as_ref().and_then(|frame| frame.as_ref().ok());
            let length = data.and_then(Frame::data_ref).map_or(0, Bytes::len);
            self.size += u64::try_from(length).unwrap_or(0);
            if frame.is_none() {
                self.end();
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
