//! Load from several clients at once.

use std::{net::SocketAddr, time::Duration};

use anyhow::Result;
use hdrhistogram::Histogram;
use http::StatusCode;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout_at},
};
use tokio_util::task::TaskTracker;

use super::client::Client;

/// What to send.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) host: String,
    pub(super) path: &'static str,
    pub(super) clients: usize,
    pub(super) lasts: Duration,
}

/// What came back.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// Microseconds to the first byte of each good answer.
    pub(super) latency: Histogram<u64>,
    pub(super) failed: u64,
    pub(super) lasted: Duration,
}

impl Outcome {
    pub(super) fn per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let requests = self.latency.len() as f64;
        requests / self.lasted.as_secs_f64()
    }
}

impl Load {
    /// Sends it, and waits for the last answer.
    pub(super) async fn run(self, gateway: SocketAddr, tasks: &TaskTracker) -> Result<Outcome> {
        let began = Instant::now();
        let mut clients = JoinSet::new();
        for _ in 0..self.clients {
            let client = Client::new(gateway, tasks.clone());
            clients.spawn(one(self.clone(), client, began + self.lasts));
        }
        let mut outcome = Outcome {
            latency: histogram()?,
            failed: 0,
            lasted: self.lasts,
        };
        while let Some(ended) = clients.join_next().await {
            let (latency, failed) = ended??;
            outcome.latency.add(latency)?;
            outcome.failed += failed;
        }
        outcome.lasted = began.elapsed();
        Ok(outcome)
    }
}

/// A histogram of microseconds up to a minute.
pub(super) fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

/// Notes a duration.
pub(super) fn note(histogram: &mut Histogram<u64>, took: Duration) {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    histogram.saturating_record(micros.max(1));
}

async fn one(load: Load, mut client: Client, until: Instant) -> Result<(Histogram<u64>, u64)> {
    let (mut latency, mut failed) = (histogram()?, 0);
    while Instant::now() < until {
        match client.get(&load.host, load.path).await {
            Ok(answer) if answer.status == StatusCode::OK => note(&mut latency, answer.took),
            Ok(_) => failed += 1,
            Err(_) => {
                failed += 1;
                // A gateway that is gone refuses at once: no need to ask it a million times.
                let _ = timeout_at(until, tokio::time::sleep(Duration::from_millis(10))).await;
            }
        }
    }
    Ok((latency, failed))
}
