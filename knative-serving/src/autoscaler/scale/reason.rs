//! What led to a plan.

use std::fmt;

use jiff::SignedDuration;

/// One step on the way to a [`Plan`](super::Plan).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScaleReason {
    /// The `ServerlessService` is missing or has no private Service yet.
    NoPrivateService,
    /// Nothing was measured yet, so that the replicas stay as they are.
    Unknown,
    /// The minimum scale raised the decision.
    MinScale {
        /// The decision.
        wanted: i32,
        /// The minimum.
        scale: i32,
    },
    /// The initial scale, not yet reached, raised the decision.
    InitialScale {
        /// The decision.
        wanted: i32,
        /// The initial scale.
        scale: i32,
    },
    /// The maximum scale limited the decision.
    MaxScale {
        /// The decision.
        wanted: i32,
        /// The maximum.
        scale: i32,
    },
    /// Scale to zero is switched off for the whole platform.
    ScaleToZeroOff,
    /// Replicas are on their way and still have time.
    Activating {
        /// Time they have in all.
        timeout: SignedDuration,
    },
    /// Replicas did not become ready in time.
    ActivationTimedOut {
        /// Time they had.
        timeout: SignedDuration,
    },
    /// The revision became active less than a stable window ago.
    ActiveTooShort {
        /// What is left of the window.
        remaining: SignedDuration,
    },
    /// The revision is idle; requests are led to the activator before the last replica goes.
    Idle {
        /// Time since it became active.
        active: SignedDuration,
    },
    /// The activator does not answer for the revision yet.
    ActivatorSilent,
    /// The last replica is retained.
    Retention {
        /// What is left of the retention period.
        remaining: SignedDuration,
    },
    /// Requests may still be on their way past the activator.
    GracePeriod {
        /// What is left of the grace period.
        remaining: SignedDuration,
    },
    /// Nothing holds the last replica any more.
    Quiet {
        /// Time since the revision became inactive.
        inactive: SignedDuration,
    },
    /// There is not enough spare capacity for a burst, so that requests are buffered.
    BurstCapacity {
        /// Excess burst capacity.
        excess: i32,
    },
}

impl fmt::Display for ScaleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPrivateService => f.write_str("waits for the private service"),
            Self::Unknown => f.write_str("nothing measured yet, replicas stay"),
            Self::MinScale { wanted, scale } => write!(f, "min-scale raises {wanted} to {scale}"),
            Self::InitialScale { wanted, scale } => {
                write!(
                    f,
                    "initial-scale raises {wanted} to {scale} until it is reached"
                )
            }
            Self::MaxScale { wanted, scale } => write!(f, "max-scale limits {wanted} to {scale}"),
            Self::ScaleToZeroOff => f.write_str("scale to zero is switched off, one replica stays"),
            Self::Activating { timeout } => {
                write!(f, "replicas are on their way and have {timeout:#} in all")
            }
            Self::ActivationTimedOut { timeout } => {
                write!(f, "no replica became ready within {timeout:#}")
            }
            Self::ActiveTooShort { remaining } => {
                write!(
                    f,
                    "idle, one replica stays for the rest of the stable window, {remaining:#}"
                )
            }
            Self::Idle { active } => {
                write!(f, "idle and active for {active:#}, becomes inactive")
            }
            Self::ActivatorSilent => f.write_str("the activator does not answer yet"),
            Self::Retention { remaining } => {
                write!(f, "the last replica is retained for another {remaining:#}")
            }
            Self::GracePeriod { remaining } => {
                write!(
                    f,
                    "the scale-to-zero grace period lasts another {remaining:#}"
                )
            }
            Self::Quiet { inactive } => {
                write!(f, "inactive for {inactive:#}, the last replica goes")
            }
            Self::BurstCapacity { excess } => {
                write!(
                    f,
                    "excess burst capacity is {excess}, requests are buffered"
                )
            }
        }
    }
}
