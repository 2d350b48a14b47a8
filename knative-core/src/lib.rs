//! knative-core

pub mod admission;
pub mod condition;
pub mod duck;
pub mod object;
pub mod schema;
pub mod selector;

pub use self::condition::{Condition, ConditionSet, ConditionSeverity, ConditionStatus};
