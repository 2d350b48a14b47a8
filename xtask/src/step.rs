//! Named and timed steps.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// The steps that were taken and how long each took.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    taken: Vec<(&'static str, Duration)>,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes one step.
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        step: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        println!("==> {name}");
        let began = now();
        let outcome = step();
        self.taken.push((name, began.elapsed()));
        outcome.with_context(|| format!("step `{name}`"))
    }

    /// Prints the times.
    pub(crate) fn print(&self) {
        println!("\n{:<8} {:>8}", "STEP", "SECONDS");
        for (name, took) in &self.taken {
            println!("{name:<8} {:>8.1}", took.as_secs_f64());
        }
        let total: Duration = self.taken.iter().map(|(_, took)| *took).sum();
        println!("{:<8} {:>8.1}", "total", total.as_secs_f64());
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "chores take real time, there is no runtime here"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
