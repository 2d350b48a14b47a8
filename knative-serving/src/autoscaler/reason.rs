//! What raised, lowered or held a decision.

use std::fmt;

use jiff::SignedDuration;

/// Which of the two windows a number comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The stable window, by default 60 seconds.
    Stable,
    /// The panic window, by default a tenth of the stable one.
    Panic,
}

/// One step on the way to a [`Decision`](super::Decision).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// The load at the target needs so many replicas.
    Load {
        /// The window.
        mode: Mode,
        /// Average over all replicas.
        average: f64,
        /// Target per replica.
        target: f64,
        /// Replicas that the load needs.
        replicas: i32,
    },
    /// The scale-up rate allows fewer replicas than the load needs.
    ScaleUpRate {
        /// The window.
        mode: Mode,
        /// Most replicas allowed.
        limit: i32,
    },
    /// The scale-down rate asks for more replicas than the load needs.
    ScaleDownRate {
        /// The window.
        mode: Mode,
        /// Fewest replicas allowed.
        limit: i32,
    },
    /// The activation scale raised the decision.
    ActivationScale {
        /// The window.
        mode: Mode,
        /// Fewest replicas of an active revision.
        scale: i32,
    },
    /// The load over the panic window crossed the threshold.
    PanicEntered {
        /// Replicas needed per ready one.
        ratio: f64,
        /// The threshold.
        threshold: f64,
    },
    /// The load is still above the threshold, so that panic lasts for a stable window from now on.
    PanicExtended {
        /// Replicas needed per ready one.
        ratio: f64,
        /// The threshold.
        threshold: f64,
    },
    /// The last overload is more than a stable window ago.
    PanicLeft,
    /// In panic the higher of both windows counts, here the panic window.
    PanicRaised {
        /// Replicas over the panic window.
        replicas: i32,
    },
    /// In panic the number of replicas never decreases.
    PanicHeld {
        /// What the load asks for.
        wanted: i32,
        /// The highest decision since panic began.
        peak: i32,
    },
    /// The scale-down delay keeps the highest decision of its window.
    ScaleDownDelay {
        /// What the load asks for.
        wanted: i32,
        /// The highest decision within the delay.
        held: i32,
        /// The delay.
        delay: SignedDuration,
    },
    /// A reason of somebody's own policy.
    Custom(String),
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stable => "stable",
            Self::Panic => "panic",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load {
                mode,
                average,
                target,
                replicas,
            } => write!(
                f,
                "{mode} average {average:.3} at target {target:.3} per replica needs {replicas}"
            ),
            Self::ScaleUpRate { mode, limit } => {
                write!(f, "scale-up rate limits the {mode} window to {limit}")
            }
            Self::ScaleDownRate { mode, limit } => {
                write!(f, "scale-down rate keeps the {mode} window at {limit}")
            }
            Self::ActivationScale { mode, scale } => {
                write!(f, "activation scale raises the {mode} window to {scale}")
            }
            Self::PanicEntered { ratio, threshold } => {
                write!(
                    f,
                    "panic begins: {ratio:.2} times the ready replicas needed, threshold {threshold:.2}"
                )
            }
            Self::PanicExtended { ratio, threshold } => {
                write!(
                    f,
                    "panic goes on: {ratio:.2} times the ready replicas needed, threshold {threshold:.2}"
                )
            }
            Self::PanicLeft => f.write_str("panic ends: no overload for a stable window"),
            Self::PanicRaised { replicas } => {
                write!(f, "panic window asks for more: {replicas}")
            }
            Self::PanicHeld { wanted, peak } => {
                write!(f, "panic holds {peak} although {wanted} would do")
            }
            Self::ScaleDownDelay {
                wanted,
                held,
                delay,
            } => {
                write!(
                    f,
                    "scale-down delay of {delay:#} holds {held} although {wanted} would do"
                )
            }
            Self::Custom(text) => f.write_str(text),
        }
    }
}
