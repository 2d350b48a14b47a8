//! `kubectl exec`: the real one, and a client that is driven by hand.

use std::{process::Output, sync::Arc, time::Duration};

use futures::{SinkExt as _, StreamExt as _};
use http::{Method, StatusCode, header::SEC_WEBSOCKET_PROTOCOL};
use knative_core::{
    Ids, SystemClock,
    http::Body,
    runtime::{
        ContainerSpec, InstanceId, InstanceRuntime as _, InstanceSpec, Replicas, WorkloadId,
        fake::{FakeImage, FakeRuntime},
    },
    store::{Store, WriteOptions, codec::object_from_value},
};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Bytes, Error, Message, client::IntoClientRequest as _, protocol::frame::coding::CloseCode,
    },
};

use crate::{
    harness::Harness,
    kubectl::{Cluster, Kubectl, texts},
    tls::Served,
};

const PODS: &str = "/api/v1/namespaces/default/pods";
const IMAGE: &str = "example.local/hello";

/// A machine on which the pod `p` runs.
async fn machine() -> (FakeRuntime, Arc<Replicas>) {
    let fake = FakeRuntime::new().with_image(IMAGE, FakeImage::hello());
    let mut container = ContainerSpec::default();
    IMAGE.clone_into(&mut container.image);
    let workload = WorkloadId::new("default", "w");
    let spec = InstanceSpec::new(InstanceId::new("p"), workload, container);
    fake.start(&spec).await.expect("it starts");
    let replicas = Replicas::builder(Arc::new(fake.clone()));
    let replicas = replicas.build(Arc::new(SystemClock), Arc::new(Ids::seeded(1)));
    (fake, Arc::new(replicas))
}

async fn add_pod(store: &Arc<dyn Store>, name: &str, containers: &[&str]) {
    let containers: Vec<Value> = containers
        .iter()
        .map(|name| json!({"name": name, "image": IMAGE}))
        .collect();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": containers}, "status": {"phase": "Running"},
    });
    let pod = object_from_value(pod).expect("an object");
    let created = store.create(pod, &WriteOptions::default()).await;
    created.expect("the pod is kept");
}

async fn cluster() -> Cluster {
    let cluster = Cluster::with(machine().await.1).await;
    add_pod(&cluster.store, "p", &["user-container"]).await;
    add_pod(&cluster.store, "lost", &["a", "b"]).await;
    cluster
}

fn code(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), texts(output).1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_runs_commands() {
    let script = |kubectl: Kubectl| {
        assert_eq!(kubectl.ok(&["exec", "p", "--", "true"]), "");
        let (code, complaint) = code(&kubectl.output(&["exec", "p", "--", "exit", "3"], ""));
        assert_eq!(code, Some(3));
        assert!(complaint.starts_with("exit 3\n"), "{complaint}");
        let input = "0123456789abcde\n".repeat(5 << 16);
        let output = kubectl.ok_with(&["exec", "-i", "p", "--", "cat"], &input);
        assert!(output == input, "{} of {} bytes", output.len(), input.len());
        // What is not read does not hide how it ended.
        let output = kubectl.output(&["exec", "-i", "p", "--", "exit", "7"], &input);
        assert_eq!(output.status.code(), Some(7), "{:?}", texts(&output));
        let refused = kubectl.fails(&["exec", "p", "-c", "x", "--", "true"], "");
        assert!(
            refused.contains("container x is not valid for pod p"),
            "{refused}"
        );
        let refused = kubectl.fails(&["exec", "q", "--", "true"], "");
        assert!(refused.contains("pods \"q\" not found"), "{refused}");
        let refused = kubectl.fails(&["exec", "lost", "--", "true"], "");
        assert!(
            refused.contains("Defaulted container \"a\" out of: a, b"),
            "{refused}"
        );
        assert!(refused.contains("there is no instance lost"), "{refused}");
    };
    cluster().await.run(script).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_is_told_what_is_not_offered() {
    let script = |kubectl: Kubectl| {
        let refused = kubectl.fails(&["port-forward", "p", "8080"], "");
        assert!(refused.contains("portforward is not offered"), "{refused}");
        let refused = kubectl.fails(&["attach", "p"], "");
        assert!(refused.contains("attach is not offered"), "{refused}");
        let mut spdy = kubectl.command(&["exec", "p", "--", "true"]);
        spdy.env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", "false");
        let refused = spdy.output().expect("kubectl runs");
        let (code, refused) = code(&refused);
        assert_eq!(code, Some(1));
        assert!(refused.contains("SPDY/3.1 is not spoken"), "{refused}");
    };
    cluster().await.run(script).await;
}

type Client = WebSocketStream<TlsStream<TcpStream>>;

async fn served() -> (Served, FakeRuntime) {
    let (fake, replicas) = machine().await;
    let served = Served::with(replicas).await;
    add_pod(&served.store, "p", &["user-container"]).await;
    (served, fake)
}

async fn dial(served: &Served, query: &str, protocol: &str) -> Result<Client, Error> {
    let stream = served.connect(true, b"http/1.1").await;
    let url = format!("wss://localhost{PODS}/p/exec?{query}");
    let mut request = url.into_client_request().expect("a request");
    let protocol = protocol.parse().expect("a header");
    request
        .headers_mut()
        .insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    client_async(request, stream)
        .await
        .map(|(client, _)| client)
}

async fn open(served: &Served, query: &str) -> Client {
    let client = dial(served, query, "v5.channel.k8s.io").await;
    client.expect("it switches to a WebSocket")
}

async fn say(client: &mut Client, message: impl Into<Bytes>) {
    let sent = client.send(Message::Binary(message.into())).await;
    sent.expect("the server listens");
}

/// The next message's channel and text.
async fn hear(client: &mut Client) -> (u8, String) {
    match client.next().await {
        Some(Ok(Message::Binary(message))) => {
            let text = String::from_utf8_lossy(&message[1..]).into_owned();
            (message[0], text)
        }
        other => panic!("{other:?}"),
    }
}

/// The status at the end, after which the server closes.
async fn end(client: &mut Client) -> Value {
    let (channel, status) = hear(client).await;
    assert_eq!(channel, 3, "{status}");
    match client.next().await {
        Some(Ok(Message::Close(Some(frame)))) => assert_eq!(frame.code, CloseCode::Normal),
        other => panic!("{other:?}"),
    }
    // The answer to it is sent by reading on.
    assert!(client.next().await.is_none(), "it is closed");
    serde_json::from_str(&status).expect("JSON")
}

/// Waits until so many commands run.
async fn until(fake: &FakeRuntime, commands: usize) {
    let waiting = async {
        while fake.commands() != commands {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    assert!(waited.is_ok(), "{} commands run", fake.commands());
}

#[tokio::test]
async fn channels_carry_what_they_say() {
    let (served, _) = served().await;
    let mut client = open(&served, "command=cat&stdin=true&stdout=true").await;
    say(&mut client, &b"\x00hello"[..]).await;
    assert_eq!(hear(&mut client).await, (1, "hello".to_owned()));
    say(&mut client, &b"\xff\x00"[..]).await;
    assert_eq!(end(&mut client).await["status"], "Success");

    let query = "command=exit&command=5&stdout=true";
    let mut quiet = open(&served, query).await;
    let status = end(&mut quiet).await;
    assert_eq!(status["reason"], "NonZeroExitCode", "{status}");
    let cause = json!([{"reason": "ExitCode", "message": "5"}]);
    assert_eq!(status["details"]["causes"], cause, "{status}");
    let mut client = open(&served, &format!("{query}&stderr=true")).await;
    assert_eq!(hear(&mut client).await, (2, "exit 5\n".to_owned()));
    assert_eq!(end(&mut client).await["reason"], "NonZeroExitCode");

    let mut client = open(&served, "command=size&stdin=true&stdout=true&tty=true").await;
    say(&mut client, &b"\x04{\"Width\":100,\"Height\":30}"[..]).await;
    assert_eq!(hear(&mut client).await, (1, "100x30\n".to_owned()));
    assert_eq!(end(&mut client).await["status"], "Success");
    served.stop().await;
}

#[tokio::test]
async fn commands_end_with_their_clients() {
    let (served, fake) = served().await;
    for command in ["cat", "flood"] {
        let client = open(
            &served,
            &format!("command={command}&stdin=true&stdout=true"),
        )
        .await;
        until(&fake, 1).await;
        drop(client);
        until(&fake, 0).await;
    }
    // Input that the command does not read hides that its client left, until it is asked.
    let mut client = open(&served, "command=wait&stdin=true&stdout=true").await;
    say(&mut client, vec![0; 128 * 1024]).await;
    until(&fake, 1).await;
    drop(client);
    tokio::time::pause();
    until(&fake, 0).await;
    served.stop().await;
}

#[tokio::test]
async fn commands_end_with_the_server() {
    let (served, fake) = served().await;
    let mut client = open(&served, "command=wait&stdout=true").await;
    until(&fake, 1).await;
    let (status, ()) = tokio::join!(end(&mut client), served.stop());
    assert_eq!(status["status"], "Failure", "{status}");
    assert_eq!(status["message"], "the server is shutting down", "{status}");
    assert_eq!(fake.commands(), 0);
}

#[tokio::test]
async fn an_unknown_protocol_is_refused() {
    let (served, _) = served().await;
    let refused = dial(&served, "command=cat&stdout=true", "channel.k8s.io").await;
    match refused {
        Err(Error::Http(answer)) => assert_eq!(answer.status(), StatusCode::BAD_REQUEST),
        other => panic!("{other:?}"),
    }
    dial(&served, "command=cat&stdout=true", "v4.channel.k8s.io")
        .await
        .expect("older clients are understood");
    served.stop().await;
}

#[tokio::test]
async fn requests_that_make_no_sense() {
    let api = Harness::with(Some(machine().await.1));
    add_pod(&api.store, "p", &["a"]).await;
    add_pod(&api.store, "two", &["a", "b"]).await;
    let rows = [
        (
            "p",
            "command=ls",
            "you must specify at least 1 of stdin, stdout, stderr",
        ),
        (
            "p",
            "stdout=true",
            "you must specify at least one command for the container",
        ),
        ("p", "command=ls&stdout=true", "Upgrade request required"),
        (
            "two",
            "command=ls&stdout=true",
            "a container name must be specified for pod two, choose one of: [a b]",
        ),
    ];
    for (pod, query, want) in rows {
        for method in [Method::GET, Method::POST] {
            let path = format!("{PODS}/{pod}/exec?{query}");
            let request = http::Request::builder().method(method).uri(path);
            let answer = api.send(request.body(Body::empty()).expect("a request"));
            assert_eq!(answer.await.refusal(400, "BadRequest"), want, "{query}");
        }
    }
    let request = http::Request::put(format!("{PODS}/p/exec")).body(Body::empty());
    let answer = api.send(request.expect("a request")).await;
    answer.refusal(405, "MethodNotAllowed");
}
