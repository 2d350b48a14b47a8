//! knative-core

pub mod condition;
pub mod duck;

pub use self::condition::{Condition, ConditionSet, ConditionSeverity, ConditionStatus};
