//! The seam between what is measured and how many replicas there should be.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::reason::Reason;

/// The metric that a revision scales on. Annotation `autoscaling.knative.dev/metric`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Metric {
    /// Requests in flight (`concurrency`).
    #[default]
    Concurrency,
    /// Requests per second (`rps`).
    Rps,
    /// Any other name, as other classes know them; the built-in policies read concurrency for it.
    Other(String),
}

impl From<&str> for Metric {
    fn from(name: &str) -> Self {
        match name {
            "concurrency" => Self::Concurrency,
            "rps" => Self::Rps,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Concurrency => "concurrency",
            Self::Rps => "rps",
            Self::Other(name) => name,
        })
    }
}

/// What a revision asks of its scaling: targets, rates and windows, resolved from annotations and configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct DeciderSpec {
    /// What is averaged.
    pub scaling_metric: Metric,
    /// Value of the metric per replica to aim for, at least 0.01.
    pub target_value: f64,
    /// Value of the metric that one replica can take at most.
    pub total_value: f64,
    /// Spare capacity to keep for bursts, in units of the metric; 0 = none, negative = buffer always.
    pub target_burst_capacity: f64,
    /// Concurrent requests that one activator can carry, at least 1.
    pub activator_capacity: f64,
    /// Panic begins where the load over the panic window needs this many times the ready replicas.
    pub panic_threshold: f64,
    /// Most replicas of one decision, as a factor of the ready ones; above 1.
    pub max_scale_up_rate: f64,
    /// Fewest replicas of one decision, as a divisor of the ready ones; above 1.
    pub max_scale_down_rate: f64,
    /// Time that panic lasts after the last overload.
    pub stable_window: SignedDuration,
    /// For how long the highest decision stands before fewer replicas are asked for; 0 = at once.
    pub scale_down_delay: SignedDuration,
    /// Replicas that a new revision starts with.
    pub initial_scale: i32,
    /// Fewest replicas of a decision above 0; 0 or 1 = no such floor.
    pub activation_scale: i32,
    /// Whether any route leads to the revision. One that is unreachable shrinks without rate limit and delay.
    pub reachable: bool,
}

/// Averages of the metric over all replicas, not per replica.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Averages {
    /// Over the stable window.
    pub stable: f64,
    /// Over the panic window.
    pub panic: f64,
}

/// What was seen at the moment of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Observation {
    /// Replicas that are ready; 0 is allowed.
    pub ready: u32,
    /// Averages of the metric that the spec names.
    pub averages: Averages,
}

/// How many replicas there should be, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Wanted replicas, before minimum, maximum and the rules of scale to zero.
    pub replicas: i32,
    /// Whether the policy is in panic mode after this decision.
    pub panic: bool,
    /// Spare capacity beyond the target burst capacity; negative = requests need the buffer in their path.
    pub excess_burst_capacity: i32,
    /// What led to `replicas`, in the order in which it took effect.
    pub reasons: Vec<Reason>,
}

/// Decides how many replicas a revision should have: averages, limits and the time in, a [`Decision`] out.
///
/// One value of a policy serves one revision for as long as that is known. It is asked every two seconds, and at once
/// when the first request for a revision at zero arrives. Write your own for objectives that utilisation does not
/// express; [`Kpa`](super::kpa::Kpa) is Knative's.
///
/// # Guarantees for the implementor
/// - `decide` is called only with averages that exist: while nothing was measured, nothing is decided.
/// - `now` never runs backwards between two calls on one value.
/// - Minimum, maximum, initial scale and the rules of scale to zero are applied to the answer afterwards
///   ([`scale::plan`](super::scale::plan)).
///
/// # Obligations of the implementor
/// - Pure but for `&mut self`: no clock, no randomness, no I/O. The same calls give the same decisions.
/// - `limits` may differ from call to call, when annotations or configuration change.
/// - Every decision names its reasons; they end in logs and events.
/// - `replicas` is never negative.
///
/// ```
/// use jiff::Timestamp;
/// use knative_serving::autoscaler::{Decision, DeciderSpec, Observation, Reason, ScalingPolicy};
///
/// /// One replica while there is any load.
/// #[derive(Debug)]
/// struct Single;
///
/// impl ScalingPolicy for Single {
///     fn decide(&mut self, _: &DeciderSpec, seen: &Observation, _: Timestamp) -> Decision {
///         Decision {
///             replicas: i32::from(seen.averages.stable > 0.0),
///             panic: false,
///             excess_burst_capacity: 0,
///             reasons: vec![Reason::Custom("one replica is enough".to_owned())],
///         }
///     }
/// }
/// ```
pub trait ScalingPolicy: fmt::Debug + Send + Sync {
    /// The decision at `now` for what was observed.
    fn decide(&mut self, limits: &DeciderSpec, observed: &Observation, now: Timestamp) -> Decision;
}
