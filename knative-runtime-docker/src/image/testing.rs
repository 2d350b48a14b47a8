//! An engine that says what a test wants it to say.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::TaskTracker;

use super::DockerImages;
use crate::engine::Engine;

/// A status and a body.
pub(super) type Answer = (u16, String);

/// What was asked: `GET /images/x/json`, without the version of the API.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock())
    }
}

/// The images of an engine that answers by `answer`, and what it was asked.
pub(super) async fn images(
    answer: impl Fn(&str) -> Answer + Send + Sync + 'static,
) -> (DockerImages, Calls) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("tcp://{}", listener.local_addr().unwrap());
    let (calls, answer) = (Calls::default(), Arc::new(answer));
    let heard = calls.clone();
    let tasks = TaskTracker::new();
    let connections = tasks.clone();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(serve(stream, heard.clone(), Arc::clone(&answer)));
        }
    });
    let engine = Engine::connect(Some(&host)).await.unwrap();
    calls.take();
    let nobody = std::path::Path::new("/nonexistent");
    (DockerImages::new(engine).with_config_dir(nobody), calls)
}

/// Answers one request.
async fn serve(stream: TcpStream, calls: Calls, answer: Arc<impl Fn(&str) -> Answer>) {
    let mut stream = BufReader::new(stream);
    let mut request = String::new();
    stream.read_line(&mut request).await.unwrap();
    let mut line = String::new();
    while stream.read_line(&mut line).await.unwrap() > 2 {
        line.clear();
    }
    let (method, path) = request.split_once(' ').unwrap();
    let path = path.split(' ').next().unwrap();
    let call = match path.strip_prefix("/v1.") {
        Some(rest) => format!("{method} /{}", rest.split_once('/').unwrap().1),
        None => format!("{method} {path}"),
    };
    calls.0.lock().push(call.clone());
    let (status, body) = if call.ends_with("/version") {
        let version = r#"{"ApiVersion":"1.41","Arch":"amd64"}"#;
        (200, version.to_owned())
    } else {
        answer(&call)
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
}
