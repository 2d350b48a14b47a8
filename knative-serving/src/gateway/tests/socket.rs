//! Over real sockets.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Version, header};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::*;
use crate::gateway::{Listener, Protocol};

/// Tasks and the gateway's address; all end when it is dropped.
struct Bench {
    address: SocketAddr,
    handle: GatewayHandle,
    tasks: JoinSet<()>,
}

impl Bench {
    async fn new(change: impl FnOnce(&mut RevisionConfig)) -> Self {
        let (gateway, handle) = gateway(change);
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = Listener::new(gateway, socket).unwrap();
        let address = listener.address();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { listener.serve(CancellationToken::new()).await });
        Self {
            address,
            handle,
            tasks,
        }
    }

    /// Adds an instance that answers by `answer`; the handle ends it.
    async fn serve<F, R>(&mut self, id: &str, answer: F) -> AbortHandle
    where
        F: Fn(http::Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response> + Send + 'static,
    {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::Tcp(socket.local_addr().unwrap());
        let server = self.tasks.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let (stream, _) = socket.accept().await.unwrap();
                let answer = answer.clone();
                let service = service_fn(move |request| {
                    let answer = answer(request);
                    async move { Ok::<_, Infallible>(answer.await) }
                });
                open.spawn(async move {
                    let server = auto::Builder::new(TokioExecutor::new());
                    let io = TokioIo::new(stream);
                    let _ = server.serve_connection_with_upgrades(io, service).await;
                });
            }
        });
        self.handle.observe(&ready(id, endpoint));
        server
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// Reads until `stream` has given `end`.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(end) {
        let mut chunk = [0; 4096];
        let length = stream.read(&mut chunk).await.unwrap();
        assert!(
            length > 0,
            "ended after {:?}",
            String::from_utf8_lossy(&read)
        );
        read.extend_from_slice(&chunk[..length]);
    }
    String::from_utf8(read).unwrap()
}

fn headers_of(headers: &HeaderMap) -> String {
    let lines = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
    lines.collect()
}

#[tokio::test]
async fn requests_reach_an_instance_over_one_connection() {
    let mut bench = Bench::new(|_| {}).await;
    bench
        .serve("a", |request| async move {
            Response::new(Body::from(format!(
                "{} {}",
                request.uri(),
                headers_of(request.headers())
            )))
        })
        .await;
    let mut client = bench.connect().await;
    for _ in 0..3 {
        client
            .write_all(b"GET /x?y=1 HTTP/1.1\r\nhost: Hello:7080\r\nconnection: x-secret\r\nx-secret: 1\r\nknative-serving-revision: evil\r\n\r\n")
            .await
            .unwrap();
        let answer = read_until(&mut client, "x-forwarded-proto").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("/x?y=1 host: Hello:7080"), "{answer}");
        assert!(
            answer.contains("forwarded: for=127.0.0.1;host=Hello:7080;proto=http"),
            "{answer}"
        );
        assert!(
            !answer.contains("x-secret") && !answer.contains("evil"),
            "{answer}"
        );
    }
    assert_eq!(bench.handle.metrics().responses[&200], 3);
}

#[tokio::test]
async fn bodies_stream_both_ways_at_once() {
    let mut bench = Bench::new(|_| {}).await;
    bench
        .serve("a", |request| async move {
            Response::new(Body::new(request.into_body()))
        })
        .await;
    let mut client = bench.connect().await;
    client
        .write_all(
            b"POST / HTTP/1.1\r\nhost: hello\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n",
        )
        .await
        .unwrap();
    let first = read_until(&mut client, "one").await;
    assert!(first.contains("transfer-encoding: chunked"), "{first}");
    client.write_all(b"3\r\ntwo\r\n").await.unwrap();
    read_until(&mut client, "two").await;
    client.write_all(b"0\r\n\r\n").await.unwrap();
    read_until(&mut client, "0\r\n\r\n").await;
}

/// Switches to a protocol that echoes.
fn switch(request: http::Request<Incoming>, tasks: &TaskTracker) -> Response {
    assert_eq!(request.headers()[header::UPGRADE], "echo");
    tasks.spawn(async move {
        let upgraded = hyper::upgrade::on(request).await.unwrap();
        let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
        let _ = tokio::io::copy(&mut read, &mut write).await;
    });
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("echo"));
    response
}

#[tokio::test]
async fn upgraded_connections_pass_through() {
    let mut bench = Bench::new(|_| {}).await;
    let echoes = TaskTracker::new();
    bench
        .serve("a", move |request| {
            let echoes = echoes.clone();
            async move { switch(request, &echoes) }
        })
        .await;
    let mut client = bench.connect().await;
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: hello\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\n")
        .await
        .unwrap();
    let head = read_until(&mut client, "\r\n\r\n").await;
    assert!(
        head.starts_with("HTTP/1.1 101") && head.contains("upgrade: echo"),
        "{head}"
    );
    client.write_all(b"ping").await.unwrap();
    read_until(&mut client, "ping").await;
    assert_eq!(bench.handle.concurrency(&key("hello")), 1);
    drop(client);
    while bench.handle.concurrency(&key("hello")) > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn h2c_instances_get_http_2_with_trailers() {
    let mut bench = Bench::new(|config| config.protocol = Protocol::H2c).await;
    bench
        .serve("a", |request| async move {
            assert_eq!(request.version(), Version::HTTP_2);
            assert_eq!(request.uri().host(), Some("hello"));
            assert_eq!(request.headers()["te"], "trailers");
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            let frames = [
                Frame::data(Bytes::from_static(b"hi")),
                Frame::trailers(trailers),
            ];
            let frames = futures::stream::iter(frames.map(Ok::<_, Infallible>));
            Response::new(Body::new(StreamBody::new(frames)))
        })
        .await;
    let stream = TokioIo::new(bench.connect().await);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
            .await
            .unwrap();
    bench.tasks.spawn(async move { drop(connection.await) });
    for _ in 0..2 {
        let request = http::Request::post("http://hello/a.B/C").header("te", "trailers");
        let response = sender
            .send_request(request.body(Body::from("x")).unwrap())
            .await
            .unwrap();
        assert_eq!(response.version(), Version::HTTP_2);
        let collected = response.into_body().collect().await.unwrap();
        assert_eq!(collected.trailers().unwrap()["grpc-status"], "0");
        assert_eq!(collected.to_bytes(), "hi");
    }
}

#[tokio::test]
async fn a_connection_that_the_instance_closed_is_replaced() {
    let mut bench = Bench::new(|_| {}).await;
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::Tcp(socket.local_addr().unwrap());
    let (tell, mut closed) = mpsc::channel(1);
    // Answers one request per connection, says nothing of closing it, and closes it.
    bench.tasks.spawn(async move {
        loop {
            let (mut stream, _) = socket.accept().await.unwrap();
            read_until(&mut stream, "\r\n\r\n").await;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                .await
                .unwrap();
            drop(stream);
            tell.send(()).await.unwrap();
        }
    });
    bench.handle.observe(&ready("a", endpoint));
    let mut client = bench.connect().await;
    for _ in 0..20 {
        client
            .write_all(b"POST / HTTP/1.1\r\nhost: hello\r\ncontent-length: 1\r\n\r\nx")
            .await
            .unwrap();
        let answer = read_until(&mut client, "ok").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        closed.recv().await.unwrap();
    }
}

#[tokio::test]
async fn an_instance_that_breaks_off_is_a_bad_gateway() {
    let mut bench = Bench::new(|_| {}).await;
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::Tcp(socket.local_addr().unwrap());
    bench.tasks.spawn(async move {
        loop {
            let (mut stream, _) = socket.accept().await.unwrap();
            read_until(&mut stream, "\r\n\r\n").await;
        }
    });
    bench.handle.observe(&ready("a", endpoint));
    let mut client = bench.connect().await;
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: hello\r\n\r\n")
        .await
        .unwrap();
    let answer = read_until(&mut client, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert_eq!(bench.handle.concurrency(&key("hello")), 0);
}

#[tokio::test]
async fn an_instance_that_does_not_accept_is_passed_over() {
    let mut bench = Bench::new(|_| {}).await;
    let unused = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    bench.handle.observe(&ready("dead", Endpoint::Tcp(unused)));
    bench
        .serve("live", |_| async { Response::new(Body::from("live")) })
        .await;
    let mut client = bench.connect().await;
    for _ in 0..3 {
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: hello\r\n\r\n")
            .await
            .unwrap();
        read_until(&mut client, "live").await;
    }
}

#[tokio::test]
async fn the_listener_lets_requests_end() {
    let (gateway, handle) = gateway(|_| {});
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listener = Listener::new(gateway, socket).unwrap();
    let address = listener.address();
    let shutdown = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let token = shutdown.clone();
    tasks.spawn(async move { listener.serve(token).await });
    let mut client = TcpStream::connect(address).await.unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: hello\r\n\r\n")
        .await
        .unwrap();
    while handle.waiting(&key("hello")) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    shutdown.cancel();
    handle.observe(&ready("a", Endpoint::Service(says("late"))));
    read_until(&mut client, "late").await;
    tasks.join_next().await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_client_that_leaves_frees_its_place() {
    let bench = Bench::new(|_| {}).await;
    for request in [
        "GET / HTTP/1.1\r\nhost: hello\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: hello\r\ncontent-length: 100\r\n\r\nabc",
    ] {
        let mut client = bench.connect().await;
        client.write_all(request.as_bytes()).await.unwrap();
        while bench.handle.waiting(&key("hello")) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(client);
        while bench.handle.waiting(&key("hello")) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(bench.handle.concurrency(&key("hello")), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_instances_come_and_go() {
    let mut bench = Bench::new(|config| config.container_concurrency = 4).await;
    let mut running = BTreeMap::new();
    let mut clients = JoinSet::new();
    let address = bench.address;
    for _ in 0..16 {
        clients.spawn(async move {
            let mut client = TcpStream::connect(address).await.unwrap();
            for number in 0..200 {
                let request = if number % 2 == 0 {
                    "GET / HTTP/1.1\r\nhost: hello\r\n\r\n"
                } else {
                    "POST / HTTP/1.1\r\nhost: hello\r\ncontent-length: 2\r\n\r\nhi"
                };
                client.write_all(request.as_bytes()).await.unwrap();
                let answer = read_until(&mut client, "done").await;
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            }
        });
    }
    let mut number = 0;
    while !clients.is_empty() {
        number += 1;
        let id = format!("i{number}");
        let answer = |_| async {
            tokio::task::yield_now().await;
            Response::new(Body::from("done"))
        };
        let server = bench.serve(&id, answer).await;
        running.insert(InstanceId::new(id), server);
        let old = bench
            .handle
            .retire(&key("hello"), running.len().saturating_sub(2));
        for id in old.drained().await {
            running.remove(&id).unwrap().abort();
            bench.handle.observe(&gone(id.as_str()));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
        while let Some(ended) = clients.try_join_next() {
            ended.unwrap();
        }
    }
    let metrics = bench.handle.metrics();
    assert_eq!((metrics.responses[&200], metrics.requests()), (3200, 3200));
    assert!(number > 10, "only {number} instances");
}

#[tokio::test]
async fn a_length_without_a_body_is_kept_for_head() {
    let mut bench = Bench::new(|_| {}).await;
    bench
        .serve("a", |_| async {
            let mut response = Response::default();
            let length = HeaderValue::from_static("1234");
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, length);
            response
        })
        .await;
    let mut client = bench.connect().await;
    for _ in 0..2 {
        client
            .write_all(b"HEAD / HTTP/1.1\r\nhost: hello\r\n\r\n")
            .await
            .unwrap();
        let answer = read_until(&mut client, "\r\n\r\n").await;
        assert!(answer.contains("content-length: 1234"), "{answer}");
    }
    assert_eq!(bench.handle.concurrency(&key("hello")), 0);
}

#[tokio::test]
async fn a_body_that_has_to_be_asked_for_arrives() {
    let mut bench = Bench::new(|_| {}).await;
    bench
        .serve("a", |request| async move {
            Response::new(Body::new(request.into_body()))
        })
        .await;
    let mut client = bench.connect().await;
    client
        .write_all(
            b"POST / HTTP/1.1\r\nhost: hello\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n",
        )
        .await
        .unwrap();
    read_until(&mut client, "100 Continue\r\n\r\n").await;
    client.write_all(b"body").await.unwrap();
    read_until(&mut client, "body").await;
}
