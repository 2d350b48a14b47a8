//! How many replicas a revision should have, and why: pure arithmetic that is told the time.
//!
//! Load is recorded in a [`Collection`], whose averages a [`ScalingPolicy`] turns into a [`Decision`] every two seconds;
//! the [`Decider`] keeps the latest. [`Bounds`](bounds::Bounds) are what annotations and configuration ask for, and
//! [`scale::plan`] applies minimum, maximum and the rules of scale to zero.

pub mod bounds;
mod collect;
mod decider;
pub mod kpa;
mod policy;
mod reason;
pub mod run;
pub mod scale;
mod window;

pub use self::collect::{CollectSpec, Collection, NoData, Stat};
pub use self::decider::{Decider, DeciderStatus, Tick};
pub use self::kpa::Kpa;
pub use self::policy::{Averages, DeciderSpec, Decision, Metric, Observation, ScalingPolicy};
pub use self::reason::{Mode, Reason};
pub use self::window::{Algorithm, Window};
