//! What a ConfigMap must be to be accepted.

use std::collections::BTreeMap;

use knative_core::object::quote;

use super::{Autoscaler, ConfigError, Defaults, Deployment, Domain, Features, Network};

/// The key under which a map explains itself.
pub const EXAMPLE_KEY: &str = "_example";
/// The annotation that keeps the checksum of the explanation.
pub const EXAMPLE_CHECKSUM: &str = "knative.dev/example-checksum";

/// A ConfigMap that the platform reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Map {
    /// `config-autoscaler`.
    Autoscaler,
    /// `config-defaults`.
    Defaults,
    /// `config-deployment`.
    Deployment,
    /// `config-domain`.
    Domain,
    /// `config-features`.
    Features,
    /// `config-network`.
    Network,
}

impl Map {
    /// All of them, by name.
    pub const ALL: [Self; 6] = [
        Self::Autoscaler,
        Self::Defaults,
        Self::Deployment,
        Self::Domain,
        Self::Features,
        Self::Network,
    ];

    /// The name of the ConfigMap.
    pub fn name(self) -> &'static str {
        match self {
            Self::Autoscaler => "config-autoscaler",
            Self::Defaults => "config-defaults",
            Self::Deployment => "config-deployment",
            Self::Domain => "config-domain",
            Self::Features => "config-features",
            Self::Network => "config-network",
        }
    }

    /// The map of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|map| map.name() == name)
    }

    /// The data that the map is created with at first start.
    pub fn seed(self) -> BTreeMap<String, String> {
        let pairs: &[(&str, &str)] = match self {
            Self::Deployment => &[("queue-sidecar-image", "knative.dev/queue")],
            Self::Domain => &[("localhost", "")],
            Self::Network => &[("ingress-class", GATEWAY_INGRESS_CLASS)],
            Self::Autoscaler | Self::Defaults | Self::Features => &[],
        };
        pairs
            .iter()
            .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()))
            .collect()
    }

    /// The keys of `data` that nothing reads, in order.
    pub fn unknown_keys(self, data: &BTreeMap<String, String>) -> Vec<String> {
        let known = |key: &str| match self {
            Self::Autoscaler => Autoscaler::KEYS.contains(&key),
            Self::Defaults => Defaults::KEYS.contains(&key),
            Self::Deployment => Deployment::is_known(key),
            Self::Domain => true,
            Self::Features => Features::KEYS.contains(&key),
            Self::Network => Network::KEYS.contains(&key),
        };
        data.keys()
            .filter(|key| *key != EXAMPLE_KEY && !known(key))
            .cloned()
            .collect()
    }

    /// Whether `data` parses.
    pub fn check(self, data: &BTreeMap<String, String>) -> Result<(), ConfigError> {
        match self {
            Self::Autoscaler => Autoscaler::parse(data).map(drop),
            Self::Defaults => Defaults::parse(data).map(drop),
            Self::Deployment => Deployment::parse(data).map(drop),
            Self::Domain => Domain::parse(data).map(drop),
            Self::Features => Features::parse(data).map(drop),
            Self::Network => Network::parse(data).map(drop),
        }
    }
}

/// The ingress class that the platform's own gateway serves.
pub const GATEWAY_INGRESS_CLASS: &str = "gateway.ingress.networking.knative.dev";

/// Admits a write of the ConfigMap `name`: an error refuses it, the texts are warnings for the client. A map that
/// is not ours is always accepted.
///
/// An explanation under [`EXAMPLE_KEY`] that no longer fits its checksum is refused, since whoever edits it meant
/// the setting below `data`.
pub fn admit(
    name: &str,
    data: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) -> Result<Vec<String>, ConfigError> {
    let Some(map) = Map::named(name) else {
        return Ok(Vec::new());
    };
    if let (Some(example), Some(checksum)) =
        (data.get(EXAMPLE_KEY), annotations.get(EXAMPLE_CHECKSUM))
        && *checksum != example_checksum(example)
    {
        return Err(ConfigError::new(format!(
            "the update modifies a key in {} which is probably not what you want. Instead, copy the respective \
             setting to the top-level of the ConfigMap, directly below \"data\"",
            quote(EXAMPLE_KEY)
        )));
    }
    map.check(data)?;
    Ok(map
        .unknown_keys(data)
        .iter()
        .map(|key| unknown_key(map, key))
        .collect())
}

/// The warning about a key that nothing reads.
pub fn unknown_key(map: Map, key: &str) -> String {
    format!("unknown key {} in ConfigMap {}", quote(key), map.name())
}

/// The CRC-32 of an explanation in hexadecimal digits, without regard to the spaces around it and to how many line
/// ends stand between its lines.
///
/// Source: pkg `configmap/hash-gen`, where a run of line ends counts as a backslash and an `n`.
pub fn example_checksum(example: &str) -> String {
    let mut hash = crc32fast::Hasher::new();
    let lines = example.trim().replace("\r\n", "\n");
    for (at, line) in lines
        .split('\n')
        .filter(|line| !line.is_empty())
        .enumerate()
    {
        if at > 0 {
            hash.update(br"\n");
        }
        hash.update(line.as_bytes());
    }
    format!("{:08x}", hash.finalize())
}
