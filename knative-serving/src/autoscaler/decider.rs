//! A policy with the revision's limits and its latest answer.

use jiff::Timestamp;

use super::kpa::{Kpa, saturate};
use super::policy::{DeciderSpec, Decision, Observation, ScalingPolicy};

/// The latest answer for a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeciderStatus {
    /// Wanted replicas; none until something was measured.
    pub desired_scale: Option<i32>,
    /// Spare capacity beyond the target burst capacity.
    pub excess_burst_capacity: i32,
}

impl DeciderStatus {
    /// Before the first decision: the burst capacity is that of the initial scale without load.
    pub fn initial(spec: &DeciderSpec) -> Self {
        let excess = match spec.target_burst_capacity {
            fixed @ (-1.0 | 0.0) => fixed,
            target => f64::from(spec.initial_scale) * spec.total_value - target,
        };
        Self {
            desired_scale: None,
            excess_burst_capacity: saturate(excess),
        }
    }
}

/// What came of asking a [`Decider`].
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// The decision.
    pub decision: Decision,
    /// Whether the revision's scale has to be planned again: another number of replicas, or the excess burst capacity
    /// changed its sign.
    pub changed: bool,
}

/// A policy, the limits of its revision and its latest answer.
#[derive(Debug)]
pub struct Decider {
    spec: DeciderSpec,
    policy: Box<dyn ScalingPolicy>,
    status: DeciderStatus,
}

impl Decider {
    /// A decider by Knative's rules, for a revision with `ready` replicas at `now`.
    pub fn kpa(spec: DeciderSpec, ready: u32, now: Timestamp) -> Self {
        let policy = Box::new(Kpa::new(&spec, ready, now));
        Self::new(spec, policy)
    }

    /// A decider by any policy.
    pub fn new(spec: DeciderSpec, policy: Box<dyn ScalingPolicy>) -> Self {
        let status = DeciderStatus::initial(&spec);
        Self {
            spec,
            policy,
            status,
        }
    }

    /// The limits in force.
    pub fn spec(&self) -> &DeciderSpec {
        &self.spec
    }

    /// The latest answer.
    pub fn status(&self) -> DeciderStatus {
        self.status
    }

    /// New limits, in force from the next decision on. What the policy remembers stays.
    pub fn update(&mut self, spec: DeciderSpec) {
        self.spec = spec;
    }

    /// Asks the policy. To be left out while there are no averages: the last answer stands.
    pub fn tick(&mut self, observed: &Observation, now: Timestamp) -> Tick {
        let decision = self.policy.decide(&self.spec, observed, now);
        let status = DeciderStatus {
            desired_scale: Some(decision.replicas),
            excess_burst_capacity: decision.excess_burst_capacity,
        };
        let before = std::mem::replace(&mut self.status, status);
        let turned = (before.excess_burst_capacity < 0) != (status.excess_burst_capacity < 0);
        Tick {
            decision,
            changed: turned || before.desired_scale != status.desired_scale,
        }
    }

    /// Whether load of this `concurrency` calls for a decision at once instead of at the next tick: the revision is at
    /// zero and a request waits.
    pub fn is_woken_by(&self, concurrency: f64) -> bool {
        self.status.desired_scale == Some(0) && concurrency != 0.0
    }
}
