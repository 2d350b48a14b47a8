//! From a request to its first answer, for services that have no instance.

use std::{
    process::{Child as Process, Command, Stdio},
    time::Duration,
};

use knative_benches::{
    args::Effort,
    at_zero::AtZero,
    client::{AT_ZERO, Services, Wanted},
    first_byte::first_byte,
    load::Client,
    measure::{Latencies, Millis},
    platform::{Platform, free_address},
    table::Line,
};
use tokio::time::Instant;

use super::PROGRAM;

/// The image that is a process: the platform's own executable with a hidden argument.
pub(super) const PROCESS: &str = "example.local/hello";
/// The image that is a function.
pub(super) const FUNCTION: &str = "example.local/hello-inproc";
/// What makes the platform's executable the program of [`PROCESS`].
const HELLO: &str = "hello";

/// How long a started program is left alone between two tries to connect.
const PAUSE: Duration = Duration::from_micros(50);
/// Services whose instances are processes; the floor is to start the same program without a platform.
pub(crate) async fn process(effort: Effort) -> anyhow::Result<Vec<Line>> {
    let cold = at_zero(PROCESS, effort).await?;
    let (mut measured, mut floor, mut failed) = (Latencies::new(), Latencies::new(), 0);
    let mut client = Client::connect(cold.platform.gateway).await?;
    for host in cold.hosts() {
        floor.add(tokio::task::spawn_blocking(start_by_hand).await??);
        match client.time(&host).await {
            Ok(latency) => measured.add(latency),
            Err(_) => failed += 1,
        }
    }
    let (measured, floor) = (measured.quantiles(), floor.quantiles());
    Ok(vec![
        Line::above("p50", measured.p50, floor.p50, Duration::from_millis(3)),
        Line::above("p99", measured.p99, floor.p99, Duration::from_millis(20)),
        Line::failed(failed),
    ])
}

/// Services that are functions of the platform's process; beside them, what a warm call takes.
pub(crate) async fn function(effort: Effort) -> anyhow::Result<Vec<Line>> {
    let cold = at_zero(FUNCTION, effort).await?;
    let (mut measured, mut warm, mut failed) = (Latencies::new(), Latencies::new(), 0);
    let mut client = Client::connect(cold.platform.gateway).await?;
    for host in cold.hosts() {
        match client.time(&host).await {
            Ok(latency) => measured.add(latency),
            Err(_) => failed += 1,
        }
        warm.add(client.time(&host).await?);
    }
    let (measured, warm) = (measured.quantiles(), warm.quantiles());
    Ok(vec![
        Line::within("p50", measured.p50, Duration::from_millis(1)).beside(warm.p50),
        Line::note("p99", Millis(measured.p99).to_string()).beside(warm.p99),
        Line::failed(failed),
    ])
}

async fn at_zero(image: &'static str, effort: Effort) -> anyhow::Result<AtZero> {
    let (platform, client) = Platform::start(PROGRAM, &[]).await?;
    let wanted = Wanted::new(image, &[AT_ZERO]);
    let count = effort.pick(1_000, 100);
    AtZero::prepare((platform, Services::new(client)), &wanted, count).await
}

/// Starts the program, connects as soon as it listens and waits for the first byte of its answer.
fn start_by_hand() -> anyhow::Result<Duration> {
    use std::os::unix::process::CommandExt as _;
    let address = free_address()?;
    let began = Instant::now();
    let process = Command::new(PROGRAM)
        .arg(HELLO)
        .env("PORT", address.port().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    let _process = Started(process);
    first_byte(address, PAUSE)?;
    Ok(began.elapsed())
}

struct Started(Process);

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
