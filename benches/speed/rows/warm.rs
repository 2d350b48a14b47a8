//! What a request through the gateway costs its process, beside a reverse proxy that decides nothing.

use std::{net::SocketAddr, time::Duration};

use knative_benches::{
    args::Effort,
    load::{Outcome, Plan},
    measure::{Latencies, Millis, Quantiles},
    process,
    table::Line,
};

use crate::{child::Child, server::gateway::HOST, task::Task};

const CONNECTIONS: usize = 64;
const BOUND: f64 = 1.3;
/// Requests in a turn of each.
const TURN: u64 = 20_000;

pub(crate) async fn run(effort: Effort) -> anyhow::Result<Vec<Line>> {
    let (_upstream, upstream) = Child::serve(&Task::Upstream)?;
    let mut gateway = Side::start(&Task::Gateway { upstream })?;
    let mut proxy = Side::start(&Task::Proxy { upstream })?;
    gateway.turn().await?;
    proxy.turn().await?;
    (gateway.spent, proxy.spent) = (Spent::default(), Spent::default());
    for _ in 0..effort.pick(10, 3) {
        proxy.turn().await?;
        gateway.turn().await?;
    }
    Ok(vec![
        Line::ratio(
            "CPU per 100 000 requests",
            (gateway.spent.per_request(), &gateway.spent.show()),
            (proxy.spent.per_request(), &proxy.spent.show()),
            BOUND,
        ),
        Line::note("p50", Millis(gateway.latest.p50).to_string()),
        Line::note("p99", Millis(gateway.latest.p99).to_string()),
        Line::failed(gateway.spent.failed),
    ])
}

/// A server under load.
struct Side {
    server: Child,
    address: SocketAddr,
    spent: Spent,
    latest: Quantiles,
}

#[derive(Default)]
struct Spent {
    cpu: Duration,
    requests: u64,
    failed: u64,
}

impl Side {
    fn start(task: &Task) -> anyhow::Result<Self> {
        let (server, address) = Child::serve(task)?;
        Ok(Self {
            server,
            address,
            spent: Spent::default(),
            latest: Latencies::new().quantiles(),
        })
    }

    async fn turn(&mut self) -> anyhow::Result<()> {
        let before = process::cpu(self.server.pid())?;
        let plan = Plan {
            address: self.address,
            host: HOST.to_owned(),
            requests: TURN,
            connections: CONNECTIONS,
            rate: None,
        };
        let outcome: Outcome = Child::ask(Task::Load(plan)).await?;
        self.spent.cpu += process::cpu(self.server.pid())?.saturating_sub(before);
        self.spent.requests += outcome.latency.count;
        self.spent.failed += outcome.failed;
        self.latest = outcome.latency;
        Ok(())
    }
}

impl Spent {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a bench sends fewer than 2^52 requests"
    )]
    fn per_request(&self) -> f64 {
        self.cpu.as_secs_f64() / self.requests as f64
    }

    fn show(&self) -> String {
        format!("{:.2} CPU-s", self.per_request() * 1e5)
    }
}
