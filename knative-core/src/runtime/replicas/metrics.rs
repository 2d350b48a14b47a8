//! What starts of instances took, and why others failed.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::Shared;
use crate::{
    metrics::{Collect, Exposition, Histogram},
    runtime::{InstanceState, Phase, StartError, StartPhases},
};

/// Why starts fail.
const REASONS: [&str; 9] = [
    "unschedulable",
    "image_not_found",
    "image_pull",
    "unsupported",
    "crash",
    "timeout",
    "stopped",
    "backend_gone",
    "config",
];
/// What instances do.
const STATES: [&str; 6] = [
    "starting",
    "ready",
    "not_ready",
    "backing_off",
    "standby",
    "stopping",
];

/// Counts starts.
#[derive(Debug)]
pub(super) struct Starts {
    phases: BTreeMap<Phase, Histogram>,
    /// Behind a lock, as what fails takes others too and is tried again after a while.
    failures: Mutex<BTreeMap<&'static str, u64>>,
}

impl Default for Starts {
    fn default() -> Self {
        let phases = Phase::ALL.map(|phase| (phase, Histogram::default()));
        Self {
            phases: phases.into(),
            failures: Mutex::new(REASONS.map(|reason| (reason, 0)).into()),
        }
    }
}

impl Starts {
    /// An instance became ready; phases that were not measured do not count.
    pub(super) fn succeeded(&self, phases: &StartPhases) {
        for (phase, took) in phases.iter() {
            if let Some(histogram) = self.phases.get(&phase) {
                histogram.observe(took);
            }
        }
    }

    /// A try ended before the instance was ready.
    pub(super) fn failed(&self, error: &StartError) {
        *self.failures.lock().entry(reason(error)).or_default() += 1;
    }

    fn collect(&self, exposition: &mut Exposition) {
        for (phase, histogram) in &self.phases {
            exposition.histogram(
                "knative_instance_start_phase_duration_seconds",
                "How long the steps of starts took, of instances that became ready.",
                &[("phase", phase.as_str())],
                histogram,
            );
        }
        let mut failures = exposition.counter(
            "knative_instance_start_failures_total",
            "Tries to start an instance that ended before it was ready.",
        );
        for (reason, count) in &*self.failures.lock() {
            failures.number(&[("reason", reason)], *count);
        }
    }
}

impl Collect for Shared {
    fn collect(&self, exposition: &mut Exposition) {
        self.starts.collect(exposition);
        let mut instances = exposition.gauge(
            "knative_instances",
            "Instances by what they do, those in reserve too.",
        );
        let mut counts = BTreeMap::from(STATES.map(|state| (state, 0)));
        for member in self.state.lock().members.values() {
            *counts.entry(state(&member.instance.state)).or_default() += 1;
        }
        for (state, count) in counts {
            instances.number(&[("state", state)], count);
        }
    }
}

/// The error's kind. Its texts and exit codes are left out, so that no workload adds series.
const fn reason(error: &StartError) -> &'static str {
    match error {
        StartError::Unschedulable { .. } => "unschedulable",
        StartError::ImageNotFound { .. } => "image_not_found",
        StartError::ImagePull { .. } => "image_pull",
        StartError::Unsupported(_) => "unsupported",
        StartError::CrashLoop(_) => "crash",
        StartError::Timeout { .. } => "timeout",
        StartError::Stopped => "stopped",
        StartError::BackendGone { .. } => "backend_gone",
        StartError::Config { .. } => "config",
    }
}

const fn state(state: &InstanceState) -> &'static str {
    match state {
        InstanceState::Starting => "starting",
        InstanceState::Ready { .. } => "ready",
        InstanceState::NotReady { .. } => "not_ready",
        InstanceState::BackingOff { .. } => "backing_off",
        InstanceState::Standby => "standby",
        InstanceState::Stopping => "stopping",
    }
}
