//! Who sees which host at which listener, over real sockets.

use std::net::{IpAddr, SocketAddr};

use knative_core::http::FrontDoor;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    api::networking::ingress::{VISIBILITY_CLUSTER_LOCAL, VISIBILITY_EXTERNAL_IP},
    gateway::{Listener, Scope},
};

const PUBLIC: &str = "hello.default.example.com";
const LOCAL: [&str; 3] = [
    "hello.default",
    "hello.default.svc",
    "hello.default.svc.cluster.local",
];
/// A public name of a service that is visible inside only.
const MAPPED: &str = "hello.example.org";
const MOUNTED: &str = "broker.knative-eventing.svc.cluster.local";

/// A gateway whose service has an external host, its local ones, and a mapped domain.
fn gateway() -> (Gateway, GatewayHandle) {
    let (gateway, handle) = super::gateway(|_| {});
    let mut spec = ingress(PUBLIC, &[("hello", 100)]);
    VISIBILITY_EXTERNAL_IP.clone_into(&mut spec.rules[0].visibility);
    let mut local = spec.rules[0].clone();
    local.hosts = LOCAL.map(str::to_owned).into();
    VISIBILITY_CLUSTER_LOCAL.clone_into(&mut local.visibility);
    spec.rules.push(local);
    handle.set_ingress(&IngressKey::new("default", "hello"), &spec);
    let mut mapped = ingress(MAPPED, &[]);
    if let Some(http) = &mut mapped.rules[0].http {
        LOCAL[2].clone_into(&mut http.paths[0].rewrite_host);
    }
    handle.set_ingress(&IngressKey::new("default", MAPPED), &mapped);
    handle.observe(&ready("a", Endpoint::Service(says("hi"))));
    (gateway, handle)
}

async fn listen(tasks: &mut JoinSet<()>, gateway: &Gateway, scope: Scope) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listener = Listener::new(gateway.clone(), socket).unwrap();
    let listener = listener.with_scope(scope);
    let address = listener.address();
    tasks.spawn(async move { listener.serve(CancellationToken::new()).await });
    address
}

/// What a listener says of a host; nothing if it closes the connection.
async fn ask(address: SocketAddr, host: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let mut answer = String::new();
    // A closed connection may show at either end of the exchange.
    if stream.write_all(request.as_bytes()).await.is_ok() {
        let _ = stream.read_to_string(&mut answer).await;
    }
    answer
}

async fn serves(address: SocketAddr, host: &str) -> bool {
    ask(address, host).await.starts_with("HTTP/1.1 200")
}

#[tokio::test]
async fn a_host_is_seen_where_its_visibility_says() {
    let (gateway, _) = gateway();
    let _mounted = gateway.mount(MOUNTED, "/", says("broker")).unwrap();
    let mut tasks = JoinSet::new();
    let everything = listen(&mut tasks, &gateway, Scope::default()).await;
    let public = listen(&mut tasks, &gateway, Scope::Public).await;
    let inside = Scope::private(|source: IpAddr| source.is_loopback());
    let private = listen(&mut tasks, &gateway, inside).await;
    let rows = [
        (PUBLIC, true),
        (MAPPED, true),
        (MOUNTED, true),
        (LOCAL[0], false),
        (LOCAL[1], false),
        (LOCAL[2], false),
        ("HELLO.default.SVC:80", false),
    ];
    for (host, outside) in rows {
        assert_eq!(serves(public, host).await, outside, "{host}");
        assert!(serves(private, host).await, "{host}");
        assert!(serves(everything, host).await, "{host}");
    }
}

#[tokio::test]
async fn a_hidden_host_cannot_be_told_from_one_that_is_not_there() {
    let (gateway, _) = gateway();
    let mut tasks = JoinSet::new();
    let public = listen(&mut tasks, &gateway, Scope::Public).await;
    let without_date = |answer: String| {
        let lines = answer.lines().filter(|line| !line.starts_with("date:"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let hidden = without_date(ask(public, LOCAL[2]).await);
    let missing = without_date(ask(public, "none.default.svc.cluster.local").await);
    assert!(hidden.starts_with("HTTP/1.1 404"), "{hidden}");
    assert_eq!(hidden, missing);
}

#[tokio::test]
async fn a_source_from_elsewhere_gets_no_word() {
    let (gateway, handle) = gateway();
    let mut tasks = JoinSet::new();
    let elsewhere = Scope::private(|source: IpAddr| !source.is_loopback());
    let private = listen(&mut tasks, &gateway, elsewhere).await;
    for host in [PUBLIC, LOCAL[0]] {
        assert_eq!(ask(private, host).await, "", "{host}");
    }
    assert_eq!(handle.metrics().requests(), 0);
}

#[test]
fn names_of_the_cluster_are_those_of_local_rules_and_of_mounts() {
    let (gateway, handle) = gateway();
    let _mounted = gateway.mount(MOUNTED, "/", says("broker")).unwrap();
    for host in LOCAL.into_iter().chain([MOUNTED]) {
        assert!(handle.serves_locally(host), "{host}");
        assert!(handle.serves_locally(&format!("{}.", host.to_uppercase())));
    }
    for host in [PUBLIC, MAPPED, "other.default", ""] {
        assert!(!handle.serves_locally(host), "{host}");
    }
    handle.remove_ingress(&IngressKey::new("default", "hello"));
    assert!(!handle.serves_locally(LOCAL[0]));
}
