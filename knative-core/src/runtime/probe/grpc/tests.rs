//! The health check against answers that are written by hand, and against a real HTTP/2 server.

use std::convert::Infallible;

use http::{HeaderValue, StatusCode};
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use k8s_openapi::api::core::v1::{GRPCAction, Probe};
use tokio::net::TcpListener;

use super::*;
use crate::{
    http::{Response, TokioDial, boxed},
    runtime::{
        PortSpec,
        probe::{Check, Prober},
    },
};

const SERVING: &[u8] = &[0, 0, 0, 0, 2, 0x08, 1];

/// An answer with a body and trailers.
fn answered(body: &'static [u8], trailers: &[(&'static str, &'static str)]) -> Response {
    let trailers = trailers
        .iter()
        .map(|(name, value)| ((*name).try_into().unwrap(), HeaderValue::from_static(value)));
    let frames = [
        Frame::data(Bytes::from_static(body)),
        Frame::trailers(trailers.collect()),
    ];
    let frames = futures::stream::iter(frames.map(Ok::<_, Infallible>));
    Response::new(Body::new(StreamBody::new(frames)))
}

fn failed_at_once(code: &'static str) -> Response {
    let mut response = Response::default();
    let code = HeaderValue::from_static(code);
    response.headers_mut().insert("grpc-status", code);
    response
}

fn with_status(status: StatusCode) -> Response {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

async fn ask(answer: fn() -> Response) -> Result<(), CheckError> {
    let service = tower::service_fn(move |request: Request| async move {
        assert_eq!(request.uri().path(), "/grpc.health.v1.Health/Check");
        Ok(answer())
    });
    let check = Check::Grpc {
        port: None,
        service: String::new(),
    };
    Prober::new(Arc::new(TokioDial))
        .check(&check, &Endpoint::Service(boxed(service)))
        .await
}

#[tokio::test]
async fn only_serving_counts() {
    /// What is answered, and what is said of it.
    type Row = (fn() -> Response, &'static str);
    let rows: [Row; 9] = [
        (|| answered(SERVING, &[("grpc-status", "0")]), ""),
        (
            || answered(&[0, 0, 0, 0, 2, 0x08, 2], &[("grpc-status", "0")]),
            "service unhealthy (responded with \"NOT_SERVING\")",
        ),
        (
            || answered(&[0, 0, 0, 0, 0], &[("grpc-status", "0")]),
            "service unhealthy (responded with \"UNKNOWN\")",
        ),
        (
            || {
                answered(
                    b"",
                    &[("grpc-status", "5"), ("grpc-message", "unknown service")],
                )
            },
            "the health check ended with gRPC status 5: unknown service",
        ),
        (
            || failed_at_once("12"),
            "the server does not implement the gRPC health protocol (grpc.health.v1.Health)",
        ),
        (
            || answered(SERVING, &[]),
            "the health check ended with gRPC status 2: ",
        ),
        (
            || answered(&SERVING[..6], &[("grpc-status", "0")]),
            "the health check ended with gRPC status 2: the answer is not a HealthCheckResponse",
        ),
        (
            || with_status(StatusCode::SERVICE_UNAVAILABLE),
            "the probe was answered with status 503",
        ),
        (
            || answered(&[0; LIMIT + 1], &[("grpc-status", "0")]),
            "the answer is not HTTP: length limit exceeded",
        ),
    ];
    for (index, (answer, want)) in rows.into_iter().enumerate() {
        let said = ask(answer).await.map_err(|error| error.to_string());
        assert_eq!(said.err().unwrap_or_default(), want, "row {index}");
    }
}

#[test]
fn names_are_written_as_protobuf() {
    assert_eq!(message("")[..], [0, 0, 0, 0, 0]);
    assert_eq!(message("ab")[..], [0, 0, 0, 0, 4, 0x0a, 2, b'a', b'b']);
    let long = message(&"x".repeat(300));
    assert_eq!(long[..8], [0, 0, 0, 0x01, 0x2f, 0x0a, 0xac, 0x02]);
}

#[test]
fn ports_of_the_container_are_the_endpoint() {
    let declared = [PortSpec {
        name: "h2c".to_owned(),
        port: 8080,
    }];
    for (port, want) in [(8080, None), (0, None), (9000, Some(9000))] {
        let probe = Probe {
            grpc: Some(GRPCAction {
                port,
                service: Some("s".to_owned()),
                ..GRPCAction::default()
            }),
            ..Probe::default()
        };
        let check = Check::Grpc {
            port: want,
            service: "s".to_owned(),
        };
        assert_eq!(Check::of(&probe, Some(&declared)), Some(check), "{port}");
    }
}

/// Says what of a service of the name `up`, and nothing of others.
async fn health(request: http::Request<Incoming>) -> Result<http::Response<Body>, Infallible> {
    assert_eq!(request.version(), Version::HTTP_2);
    assert_eq!(request.headers()[header::CONTENT_TYPE], "application/grpc");
    assert_eq!(request.headers()[header::TE], "trailers");
    let asked = request.into_body().collect().await.unwrap().to_bytes();
    Ok(if asked == message("up") {
        answered(SERVING, &[("grpc-status", "0")])
    } else {
        failed_at_once("5")
    })
}

#[tokio::test]
async fn asks_over_http2_without_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
    let mut listening = JoinSet::new();
    listening.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let served =
                hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), hyper::service::service_fn(health));
            // It ends when the client has left.
            let _ = served.await;
        }
    });
    let asked = check(&TokioDial, &endpoint, "up").await;
    assert_eq!(asked.unwrap(), HealthStatus::Serving);
    let asked = check(&TokioDial, &endpoint, "down").await;
    assert!(
        matches!(asked, Err(CheckError::Rpc { code: 5, .. })),
        "{asked:?}"
    );
    listening.shutdown().await;
    let asked = check(&TokioDial, &endpoint, "up").await;
    assert!(matches!(asked, Err(CheckError::Connection(_))), "{asked:?}");
}
