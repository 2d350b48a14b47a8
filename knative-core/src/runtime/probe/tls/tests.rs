//! Probes by TLS against real servers, whose certificate is nobody's.

use std::{future::Future, time::Duration};

use async_trait::async_trait;
use http::StatusCode;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    pki_types::PrivateKeyDer,
    server::Acceptor,
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::LazyConfigAcceptor;

use super::*;
use crate::{
    http::{Body, Dial, Endpoint, TokioDial},
    runtime::probe::{Check, CheckError, Prober},
};

/// Nothing here takes longer unless it hangs.
const DEADLINE: Duration = Duration::from_secs(10);

/// What a server that speaks TLS saw and said of one question.
struct Visit {
    name: Option<String>,
    protocols: bool,
    answer: Result<(), CheckError>,
}

/// Asks a server of one version that answers with `status`.
async fn visit(
    version: &'static SupportedProtocolVersion,
    status: StatusCode,
    host: Option<&str>,
) -> Visit {
    let config = server_config(version);
    let serve = move |stream: TcpStream| async move {
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream);
        let hello = hello.await.unwrap();
        let name = hello.client_hello().server_name().map(str::to_owned);
        let protocols = hello.client_hello().alpn().is_some();
        let stream = hello.into_stream(config).await.unwrap();
        answer(stream, status).await;
        (name, protocols)
    };
    let (answer, (name, protocols)) = ask(host, serve).await;
    Visit {
        name,
        protocols,
        answer,
    }
}

/// A certificate for another name that ended long ago.
fn server_config(version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["elsewhere.example".to_owned()]).unwrap();
    params.not_after = date_time_ymd(1990, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key);
    Arc::new(config.unwrap())
}

/// Answers what is asked on a connection.
async fn answer(stream: impl Connection, status: StatusCode) {
    let service = service_fn(move |_: http::Request<Incoming>| async move {
        http::Response::builder().status(status).body(Body::empty())
    });
    // A prober leaves when it has its status.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Puts one question by TLS to what `serve` makes of one connection.
async fn ask<F: Future<Output: Send + 'static> + Send + 'static>(
    host: Option<&str>,
    serve: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> (Result<(), CheckError>, F::Output) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(async move { serve(listener.accept().await.unwrap().0).await });
    let prober = Prober::new(Arc::new(TokioDial));
    let answer = timeout(DEADLINE, prober.check(&check(host), &endpoint)).await;
    let served = timeout(DEADLINE, serving.join_next()).await;
    (answer.unwrap(), served.unwrap().unwrap().unwrap())
}

fn check(host: Option<&str>) -> Check {
    Check::Http {
        port: None,
        tls: true,
        path: "/".to_owned(),
        host: host.map(str::to_owned),
        headers: vec![],
    }
}

#[tokio::test]
async fn statuses_below_400_count_whatever_the_certificate() {
    for version in [&TLS12, &TLS13] {
        for (status, ok) in [(200, true), (302, true), (400, false), (500, false)] {
            let code = StatusCode::from_u16(status).unwrap();
            let answer = visit(version, code, None).await.answer;
            match answer {
                Ok(()) => assert!(ok, "{status} by {version:?} counts"),
                Err(CheckError::Status(told)) => assert_eq!((told, ok), (status, false)),
                Err(error) => panic!("{status} by {version:?}: {error}"),
            }
        }
    }
}

#[tokio::test]
async fn names_are_sent_and_addresses_are_not() {
    let rows = [
        (None, None),
        (Some("10.0.0.1"), None),
        (Some("::1"), None),
        (Some("no name"), None),
        (Some("api.example"), Some("api.example")),
    ];
    for (host, want) in rows {
        let visit = visit(&TLS13, StatusCode::OK, host).await;
        assert!(visit.answer.is_ok(), "{host:?}: {:?}", visit.answer);
        assert_eq!(visit.name.as_deref(), want, "{host:?}");
        assert!(!visit.protocols, "{host:?}");
    }
}

#[tokio::test]
async fn a_server_without_tls_does_not_count() {
    let plain = |stream| answer(stream, StatusCode::OK);
    let (answer, ()) = ask(None, plain).await;
    assert!(matches!(answer, Err(CheckError::Tls(_))), "{answer:?}");
}

#[derive(Debug)]
struct One(Mutex<Option<DuplexStream>>);

#[async_trait]
impl Dial for One {
    async fn dial(&self, _: &Endpoint) -> io::Result<Box<dyn Connection>> {
        Ok(Box::new(self.0.lock().take().unwrap()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_is_left_when_the_caller_gives_up() {
    let (mut server, client) = duplex(64 * 1024);
    let prober = Prober::new(Arc::new(One(Mutex::new(Some(client)))));
    let endpoint = Endpoint::Tcp(([127, 0, 0, 1], 1).into());
    let check = check(None);
    let asked = timeout(Duration::from_secs(1), prober.check(&check, &endpoint));
    assert!(asked.await.is_err());
    let mut hello = Vec::new();
    let told = timeout(DEADLINE, server.read_to_end(&mut hello)).await;
    assert!(told.unwrap().unwrap() > 0);
}
