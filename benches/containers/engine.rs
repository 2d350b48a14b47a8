//! The engine's API, over one connection that is kept.

use std::{env, net::Ipv4Addr, os::unix::net::UnixStream as Blocking};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio_util::task::TaskTracker;

/// What says of a container or a network which platform it belongs to.
const PLATFORM: &str = "dev.knative.platform";
/// What says of a container which instance it belongs to.
const INSTANCE: &str = "dev.knative.instance";
/// What says what a platform's container is for.
const ROLE: &str = "dev.knative.role";

/// The image that is measured; the platform brings it.
pub(crate) const IMAGE: &str = "example.local/hello";

/// The address of the engine.
pub(crate) fn host() -> String {
    ["KNATIVE_TEST_DOCKER", "DOCKER_HOST"]
        .into_iter()
        .find_map(|name| env::var(name).ok().filter(|host| !host.is_empty()))
        .unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned())
}

/// Whether there is an engine to measure with.
pub(crate) fn answers() -> anyhow::Result<()> {
    let host = host();
    Blocking::connect(socket(&host)?).with_context(|| format!("no engine answers at {host}"))?;
    Ok(())
}

fn socket(host: &str) -> anyhow::Result<&str> {
    let path = host.strip_prefix("unix://");
    path.with_context(|| format!("floors are measured over a Unix socket, which {host} is not"))
}

/// A connection to the engine.
#[derive(Debug)]
pub(crate) struct Engine {
    sender: SendRequest<Full<Bytes>>,
    pid: u32,
    _tasks: TaskTracker,
}

/// A container of a platform.
#[derive(Debug)]
pub(crate) struct Found {
    /// What it is for, in the platform's words.
    pub(crate) role: String,
    /// How it is, in the engine's words.
    pub(crate) state: String,
    /// The instance that it belongs to, or waits for.
    pub(crate) instance: String,
}

impl Engine {
    pub(crate) async fn connect() -> anyhow::Result<Self> {
        let stream = UnixStream::connect(socket(&host())?).await?;
        let pid = stream.peer_cred()?.pid().context("the engine's process")?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let tasks = TaskTracker::new();
        tasks.spawn(connection);
        Ok(Self {
            sender,
            pid: pid.try_into()?,
            _tasks: tasks,
        })
    }

    /// Its process.
    pub(crate) const fn pid(&self) -> u32 {
        self.pid
    }

    /// Makes a container of the image that uses a network and listens on a port.
    pub(crate) async fn create(&mut self, network: &str, port: u16) -> anyhow::Result<String> {
        let body = json!({
            "Image": IMAGE,
            "Env": [format!("PORT={port}")],
            "HostConfig": {"NetworkMode": network},
        });
        let made = self.post("/containers/create", &body).await?;
        let id = made["Id"].as_str().context("a container without an id")?;
        Ok(id.to_owned())
    }

    /// Does something with a container: `start`, `pause`, `unpause`.
    pub(crate) async fn tell(&mut self, id: &str, what: &str) -> anyhow::Result<()> {
        let path = format!("/containers/{id}/{what}");
        self.post(&path, &Value::Null).await.map(drop)
    }

    pub(crate) async fn remove(&mut self, id: &str) -> anyhow::Result<()> {
        let path = format!("/containers/{id}?force=1&v=1");
        self.call(Method::DELETE, &path, Bytes::new())
            .await
            .map(drop)
    }

    /// The address of a container on a network.
    pub(crate) async fn address(&mut self, id: &str, network: &str) -> anyhow::Result<Ipv4Addr> {
        let container = self.get(&format!("/containers/{id}/json")).await?;
        let address = &container["NetworkSettings"]["Networks"][network]["IPAddress"];
        let address = address.as_str().context("a container has no address")?;
        Ok(address.parse()?)
    }

    /// A platform's containers.
    pub(crate) async fn containers(&mut self, platform: &str) -> anyhow::Result<Vec<Found>> {
        let all = self.get("/containers/json?all=1").await?;
        let all = all.as_array().context("a list of containers")?.iter();
        let own = all.filter(|container| container["Labels"][PLATFORM] == platform);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(own
            .map(|container| Found {
                role: text(&container["Labels"][ROLE]),
                state: text(&container["State"]),
                instance: text(&container["Labels"][INSTANCE]),
            })
            .collect())
    }

    /// A platform's network.
    pub(crate) async fn network(&mut self, platform: &str) -> anyhow::Result<String> {
        let all = self.get("/networks").await?;
        let mut all = all.as_array().context("a list of networks")?.iter();
        let own = all.find(|network| network["Labels"][PLATFORM] == platform);
        let name = own.and_then(|network| network["Name"].as_str());
        Ok(name.context("the platform has no network")?.to_owned())
    }

    async fn get(&mut self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, Bytes::new()).await
    }

    async fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = if body.is_null() {
            Vec::new()
        } else {
            serde_json::to_vec(body)?
        };
        self.call(Method::POST, path, body.into()).await
    }

    async fn call(&mut self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Value> {
        self.sender.ready().await?;
        let request = Request::builder()
            .method(&method)
            .uri(path)
            .header(header::HOST, "engine")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        ensure!(status.is_success(), "{method} {path}: {status}: {body:?}");
        if body.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(&body)?)
    }
}
