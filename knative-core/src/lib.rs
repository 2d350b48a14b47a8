//! knative-core

pub mod admission;
pub mod clock;
pub mod condition;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod controller;
pub mod duck;
mod fanout;
pub mod http;
mod ids;
mod kind;
pub mod kinds;
pub mod object;
pub mod platform;
pub mod runtime;
pub mod schema;
pub mod selector;
pub mod store;

pub use self::{
    clock::{Clock, SystemClock, TokioClock},
    condition::{Condition, ConditionSet, ConditionSeverity, ConditionStatus, Conditioned},
    ids::Ids,
    kind::{Column, Kind, Kinds, Scope},
    platform::{Component, Platform, PlatformBuilder},
};
