//! What operators set for the whole platform: the ConfigMaps of namespace `knative-serving`.
//!
//! Each map has a struct with the parsed values, a `parse` and the defaults of Knative. [`admit`] is the admission
//! of the maps, [`Live`] holds what is in force:
//!
//! ```
//! use std::collections::BTreeMap;
//! use knative_serving::config::{Live, Map, admit};
//!
//! let live = Live::default();
//! let data = BTreeMap::from([("stable-window".to_owned(), "90s".to_owned())]);
//! assert!(admit("config-autoscaler", &data, &BTreeMap::new())?.is_empty());
//! assert!(live.apply(Map::Autoscaler, &data)?.changed);
//! assert_eq!(live.get().autoscaler.stable_window.as_secs(), 90);
//! # Ok::<(), knative_serving::config::ConfigError>(())
//! ```

mod admit;
pub(crate) mod autoscaler;
mod defaults;
mod deployment;
mod domain;
mod error;
mod features;
mod host;
mod live;
mod map_admission;
mod network;
pub(crate) mod number;
mod reader;
pub mod template;
mod url;
mod yaml;

pub use self::{
    admit::{
        EXAMPLE_CHECKSUM, EXAMPLE_KEY, GATEWAY_INGRESS_CLASS, Map, admit, example_checksum,
        unknown_key,
    },
    autoscaler::Autoscaler,
    defaults::Defaults,
    deployment::{AffinityType, Deployment},
    domain::{CLUSTER_DOMAIN, Domain, DomainConfig, LOCAL_DOMAIN},
    error::ConfigError,
    features::{Features, Flag},
    host::{HostError, rule_hosts},
    live::{Applied, Config, Live},
    map_admission::{MapAdmission, map_data},
    network::{
        DEFAULT_DOMAIN_TEMPLATE, DEFAULT_TAG_TEMPLATE, Encryption, HttpProtocol,
        MeshCompatibilityMode, Network,
    },
};

/// The namespace of the maps.
pub const NAMESPACE: &str = "knative-serving";
