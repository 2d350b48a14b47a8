//! The API on a socket: who is let in, which HTTP is spoken, how it drains.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use knative_apiserver::{ApiServer, Credentials, ServeError};
use knative_core::{
    Clock, Ids,
    runtime::WorkloadRuntime,
    store::{MemoryStore, Store},
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{harness::kinds, logs::Echo};

/// A clock that is set by hand, so that certificates can grow old.
#[derive(Debug)]
struct Set(std::sync::Mutex<Timestamp>);

impl Clock for Set {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("nobody panicked")
    }
}

pub(crate) struct Served {
    address: SocketAddr,
    /// What it serves.
    pub(crate) store: Arc<dyn Store>,
    credentials: Arc<Credentials>,
    clock: Arc<Set>,
    kubeconfig: String,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Served {
    async fn start() -> Self {
        Self::with(Arc::new(Echo)).await
    }

    /// An API with somebody who runs pods.
    pub(crate) async fn with(runtime: Arc<dyn WorkloadRuntime>) -> Self {
        // Certificates are judged by the time of the system.
        let now = knative_core::SystemClock.now();
        let kinds = Arc::new(kinds());
        let clock = Arc::new(Set(std::sync::Mutex::new(now)));
        let memory = MemoryStore::new(
            Arc::clone(&kinds),
            Arc::clone(&clock) as _,
            Arc::new(Ids::seeded(1)),
        );
        let store: Arc<dyn Store> = Arc::new(memory);
        let server = ApiServer::builder(kinds, Arc::clone(&store))
            .runtime(runtime)
            .clock(Arc::clone(&clock) as _)
            .build();
        let credentials = Arc::new(Credentials::ephemeral(now).expect("credentials"));
        let loopback = "127.0.0.1:0".parse().expect("an address");
        let bound = server
            .bind(loopback, Arc::clone(&credentials))
            .await
            .expect("the API listens");
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (address, token) = (bound.local_addr(), shutdown.clone());
        let kubeconfig = bound.kubeconfig(now).expect("a kubeconfig").to_string();
        tasks.spawn(async move { bound.serve(token).await });
        Self {
            address,
            store,
            credentials,
            clock,
            kubeconfig,
            shutdown,
            tasks,
        }
    }

    /// The value of a line of the kubeconfig, decoded.
    fn secret(&self, field: &str) -> Vec<u8> {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let line = self
            .kubeconfig
            .lines()
            .find_map(|line| line.trim().strip_prefix(field));
        let text = line.expect("the field is there").trim_start_matches(": ");
        STANDARD.decode(text).expect("base64")
    }

    pub(crate) async fn connect(&self, certificate: bool, protocol: &[u8]) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(self.credentials.authority_pem().as_bytes());
        roots
            .add(authority.expect("a certificate"))
            .expect("an authority");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        let mut config = if certificate {
            let pem = self.secret("client-certificate-data");
            let chain = vec![CertificateDer::from_pem_slice(&pem).expect("a certificate")];
            let key =
                PrivateKeyDer::from_pem_slice(&self.secret("client-key-data")).expect("a key");
            config.with_client_auth_cert(chain, key).expect("they fit")
        } else {
            config.with_no_client_auth()
        };
        config.alpn_protocols = vec![protocol.to_vec()];
        let stream = TcpStream::connect(self.address).await.expect("it accepts");
        let name = "localhost".try_into().expect("a name");
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .expect("TLS")
    }

    /// The status line of a request over HTTP/1.1.
    async fn status(&self, certificate: bool, header: &str) -> String {
        let mut stream = self.connect(certificate, b"http/1.1").await;
        let request =
            format!("GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("it is sent");
        let mut line = String::new();
        BufReader::new(stream)
            .read_line(&mut line)
            .await
            .expect("an answer");
        line.trim_end().to_owned()
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.close();
        let stopped = tokio::time::timeout(Duration::from_secs(10), self.tasks.wait()).await;
        stopped.expect("it drains");
    }
}

#[tokio::test]
async fn certificates_and_tokens_open() {
    let served = Served::start().await;
    assert_eq!(served.status(true, "").await, "HTTP/1.1 200 OK");
    let token = format!("Authorization: Bearer {}\r\n", served.credentials.token());
    assert_eq!(served.status(false, &token).await, "HTTP/1.1 200 OK");
    for header in [
        "",
        "Authorization: Bearer x\r\n",
        "Authorization: Basic YTpi\r\n",
        "Authorization: Bearer\r\n",
    ] {
        assert_eq!(
            served.status(false, header).await,
            "HTTP/1.1 401 Unauthorized",
            "{header}"
        );
    }
    served.stop().await;
}

#[tokio::test]
async fn both_versions_of_http_are_agreed_on() {
    let served = Served::start().await;
    for protocol in [&b"h2"[..], b"http/1.1"] {
        let stream = served.connect(true, protocol).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol));
    }
    served.stop().await;
}

#[tokio::test]
async fn watches_end_when_it_drains() {
    let served = Served::start().await;
    let mut stream = served.connect(true, b"http/1.1").await;
    let request = "GET /api/v1/namespaces?watch=true HTTP/1.1\r\nHost: x\r\n\r\n";
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it is sent");
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while !line.contains("\"ADDED\"") {
        line.clear();
        assert_ne!(reader.read_line(&mut line).await.expect("a line"), 0);
    }
    let shutdown = served.shutdown.clone();
    shutdown.cancel();
    let mut rest = String::new();
    reader
        .read_to_string(&mut rest)
        .await
        .expect("the stream ends");
    assert!(rest.ends_with("0\r\n\r\n"), "as whole as it began: {rest}");
    served.stop().await;
}

#[tokio::test]
async fn silent_clients_do_not_hold_it_up() {
    let served = Served::start().await;
    let _silent = TcpStream::connect(served.address)
        .await
        .expect("it accepts");
    let _idle = served.connect(true, b"http/1.1").await;
    served.stop().await;
}

#[tokio::test]
async fn certificates_are_renewed() {
    let served = Served::start().await;
    let certificate = |stream: &TlsStream<TcpStream>| {
        let chain = stream.get_ref().1.peer_certificates();
        chain.and_then(|chain| chain.first().cloned().map(CertificateDer::into_owned))
    };
    let first = certificate(&served.connect(true, b"h2").await);
    let second = certificate(&served.connect(true, b"h2").await);
    assert_eq!(first, second);
    // A day before the new one begins to be valid is always allowed for, so that the clock may be a little ahead only.
    let soon = served.clock.now() + SignedDuration::from_hours(24 * 340);
    *served.clock.0.lock().expect("nobody panicked") = soon;
    let connected = renewed(&served).await;
    assert!(connected, "the certificate of a later time is another one");
    served.stop().await;
}

/// Whether the server now shows a certificate that this time's client finds not valid yet.
async fn renewed(served: &Served) -> bool {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(served.credentials.authority_pem().as_bytes());
    roots
        .add(authority.expect("a certificate"))
        .expect("an authority");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(served.address)
        .await
        .expect("it accepts");
    let name = "localhost".try_into().expect("a name");
    let refused = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await;
    refused.is_err_and(|error| error.to_string().contains("not valid yet"))
}

#[tokio::test]
async fn a_taken_address_is_said() {
    let first = Served::start().await;
    let kinds = Arc::new(kinds());
    let memory = MemoryStore::new(
        Arc::clone(&kinds),
        Arc::clone(&first.clock) as _,
        Arc::new(Ids::seeded(1)),
    );
    let server = ApiServer::builder(kinds, Arc::new(memory)).build();
    let taken = server
        .bind(first.address, Arc::clone(&first.credentials))
        .await;
    match taken {
        Err(error @ ServeError::Bind { .. }) => {
            assert_eq!(
                error.to_string(),
                format!("cannot listen on {}", first.address)
            );
        }
        other => panic!("{other:?}"),
    }
    first.stop().await;
}
