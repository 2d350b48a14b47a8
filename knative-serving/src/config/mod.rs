//! What operators set for the whole platform: the ConfigMaps of namespace `knative-serving`.
//!
//! Each map has a struct with the parsed values, a `parse` and the defaults of Knative.

mod autoscaler;
mod defaults;
mod error;
mod features;
pub mod template;

pub use self::{
    autoscaler::Autoscaler,
    defaults::Defaults,
    error::ConfigError,
    features::{Features, Flag},
};
