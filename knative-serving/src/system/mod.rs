//! What the platform keeps in namespace `knative-serving`: its ConfigMaps, and the Service of its gateway.

mod live;
mod seed;

pub(crate) use self::live::ConfigReader;
pub(crate) use self::seed::{Seed, seed};
