//! A load generator: closed loop, or open loop at a rate.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use bytes::Bytes;
use futures::future::try_join_all;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::task::TaskTracker;

use crate::measure::{Latencies, Quantiles};

/// What stands for the request's number in a host.
const NUMBER: &str = "#";

/// A load.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// Where it goes.
    pub address: SocketAddr,
    /// The Host header; `#` in it is the request's number.
    pub host: String,
    /// How many.
    pub requests: u64,
    /// Keep-alive connections, opened before the first request.
    pub connections: usize,
    /// Requests per second; as fast as answers come (closed loop) if `None`.
    pub rate: Option<f64>,
}

/// What came of a load.
#[derive(Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// How many requests got no good answer.
    pub failed: u64,
    /// Why the first one failed.
    pub error: Option<String>,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// How long good answers took.
    pub latency: Quantiles,
}

impl Outcome {
    /// Good answers per second.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a bench sends fewer than 2^52 requests"
    )]
    pub fn rate(&self) -> f64 {
        self.latency.count as f64 / self.elapsed.as_secs_f64()
    }
}

/// One connection.
#[derive(Debug)]
pub struct Client {
    sender: SendRequest<Empty<Bytes>>,
    tasks: TaskTracker,
    address: SocketAddr,
}

impl Client {
    /// Opens one.
    ///
    /// # Errors
    /// Nothing listens there.
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let tasks = TaskTracker::new();
        let sender = open(address, &tasks).await?;
        Ok(Self {
            sender,
            tasks,
            address,
        })
    }

    /// Asks once and reads the whole answer. The connection is opened again after a failure.
    ///
    /// # Errors
    /// There is no answer, or one that is no success.
    pub async fn get(&mut self, host: &str) -> anyhow::Result<()> {
        if self.sender.ready().await.is_err() {
            self.sender = open(self.address, &self.tasks).await?;
        }
        let request = http::Request::get("/")
            .header(http::header::HOST, host)
            .body(Empty::new())?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        anyhow::ensure!(status.is_success(), "{status}: {body:?}");
        Ok(())
    }

    /// How long a [`get`](Self::get) takes.
    ///
    /// # Errors
    /// As there.
    pub async fn time(&mut self, host: &str) -> anyhow::Result<Duration> {
        let began = Instant::now();
        self.get(host).await?;
        Ok(began.elapsed())
    }
}

async fn open(
    address: SocketAddr,
    tasks: &TaskTracker,
) -> anyhow::Result<SendRequest<Empty<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tasks.spawn(connection);
    Ok(sender)
}

/// Runs a load to its end.
///
/// # Errors
/// Nothing listens at its address.
pub async fn run(plan: Plan) -> anyhow::Result<Outcome> {
    let connects = (0..plan.connections).map(|_| Client::connect(plan.address));
    let clients = try_join_all(connects).await.context("the target")?;
    let run = Arc::new(Run {
        plan,
        next: AtomicU64::new(0),
        began: Instant::now(),
        tally: Mutex::new(Tally {
            latencies: Latencies::new(),
            failed: 0,
            error: None,
        }),
    });
    let mut workers = JoinSet::new();
    for client in clients {
        workers.spawn(Arc::clone(&run).work(client));
    }
    while let Some(ended) = workers.join_next().await {
        ended?;
    }
    let elapsed = run.began.elapsed();
    let mut tally = run.tally.lock();
    Ok(Outcome {
        failed: tally.failed,
        error: tally.error.take(),
        elapsed,
        latency: tally.latencies.quantiles(),
    })
}

struct Run {
    plan: Plan,
    next: AtomicU64,
    began: Instant,
    tally: Mutex<Tally>,
}

struct Tally {
    latencies: Latencies,
    failed: u64,
    error: Option<String>,
}

impl Run {
    /// Sends requests one after another until all are sent.
    async fn work(self: Arc<Self>, mut client: Client) {
        while let Some(number) = self.take() {
            let host = self.plan.host.replace(NUMBER, &number.to_string());
            let began = self.turn(number).await;
            let answer = client.get(&host).await;
            let latency = began.elapsed();
            let mut tally = self.tally.lock();
            match answer {
                Ok(()) => tally.latencies.add(latency),
                Err(error) => {
                    tally.failed += 1;
                    tally.error.get_or_insert(format!("{host}: {error:#}"));
                }
            }
        }
    }

    fn take(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < self.plan.requests).then_some(number)
    }

    /// Waits for a request's turn and answers from when its latency counts: from its turn where no connection was
    /// free then, so that a target that falls behind cannot hide it.
    async fn turn(&self, number: u64) -> Instant {
        let Some(rate) = self.plan.rate else {
            return Instant::now();
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "a bench sends fewer than 2^52 requests"
        )]
        let turn = self.began + Duration::from_secs_f64(number as f64 / rate);
        if turn <= Instant::now() {
            return turn;
        }
        sleep_until(turn).await;
        Instant::now()
    }
}
