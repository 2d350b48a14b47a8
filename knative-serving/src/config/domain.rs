//! `config-domain`: the domains that routes are reachable under.

use std::collections::BTreeMap;

use super::{ConfigError, EXAMPLE_KEY, yaml};
use crate::api::keys::networking::{VISIBILITY, VISIBILITY_CLUSTER_LOCAL};

/// The domain of the cluster, under which names resolve inside only.
pub const CLUSTER_DOMAIN: &str = "cluster.local";
/// The domain of local routes, and of all when the map names none without a selector.
pub const LOCAL_DOMAIN: &str = "svc.cluster.local";
/// The [`DomainConfig::kind`] of domains without a selector.
const WILDCARD: &str = "wildcard";

/// The parsed `config-domain`: every key is a domain.
///
/// Source: serving `pkg/reconciler/route/config/domain.go`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// What belongs to each domain.
    pub domains: BTreeMap<String, DomainConfig>,
}

/// Who gets a domain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DomainConfig {
    /// The labels that a route must have. Empty for the domain of everyone else.
    pub selector: BTreeMap<String, String>,
    /// `wildcard` where one certificate may cover all names below the domain; always so without a selector.
    pub kind: String,
}

impl Default for Domain {
    fn default() -> Self {
        let everyone = DomainConfig {
            selector: BTreeMap::new(),
            kind: WILDCARD.to_owned(),
        };
        Self {
            domains: BTreeMap::from([(LOCAL_DOMAIN.to_owned(), everyone)]),
        }
    }
}

impl Domain {
    /// Reads the map. Where no entry is without a selector, [`LOCAL_DOMAIN`] is added.
    pub fn parse(data: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let entries = data.iter().filter(|(domain, _)| *domain != EXAMPLE_KEY);
        let mut domains = entries
            .map(|(domain, text)| Ok((domain.clone(), DomainConfig::parse(text)?)))
            .collect::<Result<BTreeMap<_, _>, yaml::YamlError>>()
            .map_err(|error| ConfigError::new(error.to_string()))?;
        if domains.values().all(|config| !config.selector.is_empty()) {
            domains.extend(Self::default().domains);
        }
        Ok(Self { domains })
    }

    /// The domain for an object with these labels: of those whose selector matches the one with most labels, then
    /// the first by name. A cluster-local object always gets [`LOCAL_DOMAIN`].
    pub fn lookup(&self, labels: &BTreeMap<String, String>) -> &str {
        if labels
            .get(VISIBILITY)
            .is_some_and(|value| value == VISIBILITY_CLUSTER_LOCAL)
        {
            return LOCAL_DOMAIN;
        }
        let matching = self
            .domains
            .iter()
            .filter(|(_, config)| matches(&config.selector, labels));
        most_specific(matching.map(|(domain, config)| (domain.as_str(), config.selector.len())))
            .unwrap_or("")
    }
}

impl DomainConfig {
    fn parse(text: &str) -> Result<Self, yaml::YamlError> {
        let document = yaml::parse(text)?;
        let fields = document.pairs("value", "config.domainInternalConfig")?;
        let of = |name: &str| format!("struct field domainInternalConfig.{name}");
        let selector = yaml::field(fields, "selector").texts(&of("selector"))?;
        let kind = yaml::field(fields, "type").text(&of("type"))?;
        let kind = if selector.is_empty() {
            WILDCARD.to_owned()
        } else {
            kind
        };
        Ok(Self { selector, kind })
    }
}

/// Whether `labels` have every pair of `selector`.
pub(super) fn matches(
    selector: &BTreeMap<String, String>,
    labels: &BTreeMap<String, String>,
) -> bool {
    selector
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value))
}

/// Of names with the sizes of their selectors, in order: the first of those with the largest.
pub(super) fn most_specific<'a>(names: impl Iterator<Item = (&'a str, usize)>) -> Option<&'a str> {
    let larger =
        |best: (&'a str, usize), next: (&'a str, usize)| if next.1 > best.1 { next } else { best };
    names.reduce(larger).map(|(name, _)| name)
}
