//! What was measured, as tables.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use hdrhistogram::Histogram;
use knative_core::runtime::Phase;
use knative_serving::gateway::ColdStart;

use super::{
    chart,
    load::{Outcome, histogram, note},
};

/// All that the tour measured.
#[derive(Debug)]
pub(super) struct Report {
    /// Cold starts, by what took the time; the rows in their order.
    cold: Vec<(&'static str, Histogram<u64>)>,
    pub(super) warm: Option<Outcome>,
    /// Instances of the loaded service over time.
    pub(super) instances: Vec<(Duration, usize)>,
    requests: u64,
    /// Requests that failed, by the part of the tour.
    failures: BTreeMap<&'static str, u64>,
}

impl Report {
    pub(super) const fn new() -> Self {
        Self {
            cold: Vec::new(),
            warm: None,
            instances: Vec::new(),
            requests: 0,
            failures: BTreeMap::new(),
        }
    }

    /// Notes a cold start: what the gateway saw of it, and how long the client waited for the first byte.
    pub(super) fn cold_start(&mut self, start: &ColdStart, request: Duration) -> Result<()> {
        for phase in Phase::ALL {
            self.note_cold(phase.as_str(), start.phases.get(phase))?;
        }
        self.note_cold("waited", start.waited)?;
        self.note_cold("request", request)
    }

    fn note_cold(&mut self, row: &'static str, took: Duration) -> Result<()> {
        if let Some((_, known)) = self.cold.iter_mut().find(|(name, _)| *name == row) {
            note(known, took);
            return Ok(());
        }
        let mut new = histogram()?;
        note(&mut new, took);
        self.cold.push((row, new));
        Ok(())
    }

    /// Notes how requests of a part of the tour went.
    pub(super) fn count(&mut self, part: &'static str, good: u64, failed: u64) {
        self.requests += good + failed;
        *self.failures.entry(part).or_default() += failed;
    }

    pub(super) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    pub(super) fn print(&self) {
        println!("\nInstances over time\n\n{}", chart::draw(&self.instances));
        println!("{:<26} {:>10} {:>10}", "COLD START, MS", "P50", "P99");
        for (row, histogram) in &self.cold {
            println!(
                "{:<26} {:>10} {:>10}",
                explained(row),
                millis(histogram, 0.5),
                millis(histogram, 0.99)
            );
        }
        if let Some(warm) = &self.warm {
            println!("\n{:<26} {:>10}", "WARM", "");
            println!("{:<26} {:>10.0}", "requests per second", warm.per_second());
            println!("{:<26} {:>10}", "p50, ms", millis(&warm.latency, 0.5));
            println!("{:<26} {:>10}", "p99, ms", millis(&warm.latency, 0.99));
        }
        println!("\n{:<26} {:>10}", "REQUESTS", self.requests);
        println!("{:<26} {:>10}", "failed", self.failed());
        for (part, failed) in self.failures.iter().filter(|(_, failed)| **failed > 0) {
            println!("  {part:<24} {failed:>10}");
        }
    }
}

/// The phases of one cold start, as a table of one row.
pub(super) fn phases(start: &ColdStart, request: Duration) -> String {
    let names = Phase::ALL
        .map(|phase| format!("{:>9}", phase.as_str()))
        .concat();
    let times = Phase::ALL.map(|phase| format!("{:>9.2}", millis_of(start.phases.get(phase))));
    format!(
        "  {names}{:>9}{:>9}\n  {}{:>9.2}{:>9.2}  ms",
        "waited",
        "request",
        times.concat(),
        millis_of(start.waited),
        millis_of(request)
    )
}

fn explained(row: &str) -> String {
    match row {
        "waited" => "waited in the gateway".to_owned(),
        "request" => "request to first byte".to_owned(),
        phase => format!("  {phase}"),
    }
}

fn millis_of(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn millis(histogram: &Histogram<u64>, quantile: f64) -> String {
    let micros = histogram.value_at_quantile(quantile);
    format!("{:.2}", millis_of(Duration::from_micros(micros)))
}
