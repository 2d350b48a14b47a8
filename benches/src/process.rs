//! What the operating system says about a process.

use std::{fs, time::Duration};

use anyhow::{Context as _, ensure};
use tokio::time::{Instant, sleep};

/// A process rests when it used no more than a tick of CPU time for so long.
const REST: Duration = Duration::from_millis(300);
/// How long memory may go back after the last work.
const SETTLE: Duration = Duration::from_secs(10);
/// How long it may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until a process has nothing more to do.
///
/// # Errors
/// It does not come to rest, or ended.
pub async fn rest(pid: u32) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let before = cpu(pid)?;
        sleep(REST).await;
        if cpu(pid)?.saturating_sub(before) <= Duration::from_millis(10) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "a process does not come to rest");
    }
}

/// CPU time that all threads of a process used, in user and kernel.
///
/// # Errors
/// It ended.
pub fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold anything, so fields count from its end.
    let (_, fields) = stat.rsplit_once(')').context("/proc/<pid>/stat")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: u64 = fields
        .get(11..13)
        .context("/proc/<pid>/stat")?
        .iter()
        .map(|field| field.parse::<u64>())
        .sum::<Result<_, _>>()?;
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_nanos(ticks * 1_000_000_000 / per_second))
}

/// Resident memory of a process that has had nothing to do for ten seconds, in MB.
///
/// # Errors
/// It does not come to rest, or ended.
pub async fn idle_memory(pid: u32) -> anyhow::Result<f64> {
    rest(pid).await?;
    // Part of what is measured: memory after so long.
    sleep(SETTLE).await;
    memory(pid)
}

/// Resident memory of a process, in MB.
///
/// # Errors
/// It ended.
pub fn memory(pid: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .context("VmRSS")?;
    Ok(kib.parse::<f64>()? * 1024.0 / 1e6)
}
