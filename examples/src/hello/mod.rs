//! The program behind `example.local/hello`, and the function behind `example.local/hello-inproc`.
//!
//! Both answer `Hello World!`, or with `TARGET` from their environment in place of `World`; on `/?sleep=MS` after so many
//! milliseconds.

mod words;

use std::{convert::Infallible, net::Ipv4Addr};

use anyhow::{Context as _, Error, Result};
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use knative_core::http::{Body, HttpService, boxed};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The argument that makes this program the hello service.
pub const ARGUMENT: &str = "hello";

/// Serves on `PORT` until SIGTERM, on one thread.
///
/// # Errors
/// The system's.
pub fn run() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve())
}

/// The same as a service within the platform.
pub fn function() -> HttpService {
    boxed(tower::service_fn(
        |request: knative_core::http::Request| async move {
            sleep(request.uri()).await;
            Ok(Response::new(Body::from(words::greeting_of("World"))))
        },
    ))
}

async fn serve() -> Result<()> {
    let port = words::port().map_err(Error::msg)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .with_context(|| format!("cannot listen on {port}"))?;
    println!("{}", words::listening(port));
    let greeting = Bytes::from(words::greeting());
    let mut asked = signal(SignalKind::terminate())?;
    let (tasks, end) = (TaskTracker::new(), CancellationToken::new());
    loop {
        let accepted = tokio::select! {
            biased;
            _ = asked.recv() => break,
            accepted = listener.accept() => accepted,
        };
        if let Ok((stream, _)) = accepted {
            tasks.spawn(connection(stream, greeting.clone(), end.clone()));
        }
    }
    end.cancel();
    tasks.close();
    tasks.wait().await;
    Ok(())
}

async fn connection(stream: TcpStream, greeting: Bytes, end: CancellationToken) {
    // A connection that is gone already shows that when it is read.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| answer(request, greeting.clone()));
    let mut connection =
        std::pin::pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        biased;
        // How a client ends its connection is its own affair.
        _ = connection.as_mut() => return,
        () = end.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn answer(
    request: Request<Incoming>,
    greeting: Bytes,
) -> Result<Response<Full<Bytes>>, Infallible> {
    sleep(request.uri()).await;
    Ok(Response::new(Full::new(greeting)))
}

async fn sleep(uri: &Uri) {
    if let Some(time) = uri.query().and_then(words::asked_time) {
        tokio::time::sleep(time).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::words::asked_time;

    #[test]
    fn the_time_is_asked_for_by_a_query() {
        for (query, expected) in [
            ("sleep=20", Some(20)),
            ("a=b&sleep=5", Some(5)),
            ("sleep=x", None),
            ("", None),
        ] {
            assert_eq!(
                asked_time(query),
                expected.map(Duration::from_millis),
                "{query}"
            );
        }
    }
}
