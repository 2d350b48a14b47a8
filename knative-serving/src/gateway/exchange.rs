//! One try to have a request answered by an instance.

use std::{io, sync::Arc};

use http::{Method, request};
use http_body::Body as _;
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::TokioIo;
use knative_core::http::{Body, Endpoint, Request, Response};
use thiserror::Error;
use tower::ServiceExt;

use super::{
    Protocol, headers, link::Link, member::Member, pool::Trunk, shared::Shared, task::Executor,
};

/// An answer, and what has to be kept while its body is read.
#[derive(Debug)]
pub(super) enum Answer {
    /// Over a connection of its own.
    Linked(http::Response<Incoming>, Box<Link>),
    /// Over a connection that is shared.
    Shared(http::Response<Incoming>, Trunk),
    /// From a service in this process.
    Local(Response),
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The instance saw nothing of the request, which is given back.
    Unreached(Box<Request>, FailureCause),
    /// The instance may have seen it.
    Broken(FailureCause),
}

/// What went wrong.
#[derive(Debug, Error)]
pub(super) enum FailureCause {
    #[error("it cannot be connected to: {0}")]
    Connect(#[source] io::Error),
    #[error("{0}")]
    Http(#[source] hyper::Error),
}

/// Sends a request to an instance. A request that failed on a connection that was used before is sent again over a fresh
/// one, if the instance cannot have seen it or may see it twice (RFC 9110 §9.2.2).
pub(super) async fn send(
    member: &Arc<Member>,
    protocol: Protocol,
    request: Request,
    shared: &Shared,
) -> Result<Answer, Failure> {
    match (member.endpoint(), protocol) {
        (Some(Endpoint::Service(service)), _) => {
            let (mut parts, body) = request.into_parts();
            headers::target(&mut parts, Protocol::Http1);
            let request = Request::from_parts(parts, body);
            let Ok(response) = service.clone().oneshot(request).await;
            Ok(Answer::Local(response))
        }
        (_, Protocol::Http1) => over_link(member, request, shared).await,
        (_, Protocol::H2c) => over_trunk(member, request, shared).await,
    }
}

async fn over_link(member: &Member, request: Request, shared: &Shared) -> Result<Answer, Failure> {
    let (mut parts, body) = request.into_parts();
    headers::target(&mut parts, Protocol::Http1);
    let mut request = Request::from_parts(parts, body);
    if let Some(mut link) = member.pool.take() {
        let copy = repeatable(&request);
        let mut error = match link.send(request).await {
            Ok(response) => return Ok(Answer::Linked(response, link)),
            Err(error) => error,
        };
        shared.signals.metrics.retried();
        request = match error.take_message().or(copy) {
            Some(request) => request,
            None => return Err(Failure::Broken(FailureCause::Http(error.into_error()))),
        };
    }
    let mut link = match open_link(member, shared).await {
        Ok(link) => link,
        Err(cause) => return Err(Failure::Unreached(Box::new(request), cause)),
    };
    match link.send(request).await {
        Ok(response) => Ok(Answer::Linked(response, link)),
        Err(error) => Err(failure(error)),
    }
}

fn failure(mut error: hyper::client::conn::TrySendError<Request>) -> Failure {
    let request = error.take_message();
    let cause = FailureCause::Http(error.into_error());
    match request {
        Some(request) => Failure::Unreached(Box::new(request), cause),
        None => Failure::Broken(cause),
    }
}

/// A copy of a request that may be sent twice: its method is idempotent and it has no body.
fn repeatable(request: &Request) -> Option<Request> {
    let idempotent = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE
    );
    if !idempotent || !request.body().is_end_stream() {
        return None;
    }
    let mut copy = Request::new(Body::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

async fn open_link(member: &Member, shared: &Shared) -> Result<Box<Link>, FailureCause> {
    let socket = dial(member, shared).await?;
    Link::open(socket).await.map_err(FailureCause::Http)
}

async fn dial(member: &Member, shared: &Shared) -> Result<super::link::Socket, FailureCause> {
    let Some(endpoint) = member.endpoint() else {
        return Err(FailureCause::Connect(io::ErrorKind::NotConnected.into()));
    };
    shared
        .dial
        .dial(endpoint)
        .await
        .map_err(FailureCause::Connect)
}

async fn over_trunk(member: &Member, request: Request, shared: &Shared) -> Result<Answer, Failure> {
    let (mut parts, body): (request::Parts, Body) = request.into_parts();
    headers::target(&mut parts, Protocol::H2c);
    let mut request = Request::from_parts(parts, body);
    if let Some(mut trunk) = member.pool.share() {
        let copy = repeatable(&request);
        let mut error = match trunk.sender.try_send_request(request).await {
            Ok(response) => return Ok(Answer::Shared(response, trunk)),
            Err(error) => error,
        };
        shared.signals.metrics.retried();
        request = match error.take_message().or(copy) {
            Some(request) => request,
            None => return Err(Failure::Broken(FailureCause::Http(error.into_error()))),
        };
    }
    let mut trunk = match open_trunk(member, shared).await {
        Ok(trunk) => trunk,
        Err(cause) => return Err(Failure::Unreached(Box::new(request), cause)),
    };
    match trunk.sender.try_send_request(request).await {
        Ok(response) => Ok(Answer::Shared(response, trunk)),
        Err(error) => Err(failure(error)),
    }
}

async fn open_trunk(member: &Member, shared: &Shared) -> Result<Trunk, FailureCause> {
    let _turn = member.pool.opening.lock().await;
    if let Some(trunk) = member.pool.share() {
        return Ok(trunk);
    }
    let socket = TokioIo::new(dial(member, shared).await?);
    let executor = Executor::new(&shared.tasks);
    let (sender, connection) = http2::Builder::new(executor.clone())
        .handshake(socket)
        .await
        .map_err(FailureCause::Http)?;
    executor.spawn(async move {
        // How it ends is told to each request on it.
        let _ = connection.await;
    });
    let trunk = Trunk::new(sender);
    member.pool.keep(&trunk);
    Ok(trunk)
}
