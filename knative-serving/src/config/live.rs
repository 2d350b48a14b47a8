//! The configuration in force, which changes while the platform runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Autoscaler, ConfigError, Defaults, Deployment, Domain, Features, Map, Network};

/// All maps, parsed. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// `config-autoscaler`.
    pub autoscaler: Arc<Autoscaler>,
    /// `config-defaults`.
    pub defaults: Arc<Defaults>,
    /// `config-deployment`.
    pub deployment: Arc<Deployment>,
    /// `config-domain`.
    pub domain: Arc<Domain>,
    /// `config-features`.
    pub features: Arc<Features>,
    /// `config-network`.
    pub network: Arc<Network>,
}

impl Config {
    /// What the maps say that are created at first start.
    ///
    /// # Panics
    /// Never: the seeds are constants that parse.
    pub fn seeded() -> Self {
        let mut config = Self::default();
        for map in Map::ALL {
            config.set(map, &map.seed()).expect("the seeds parse");
        }
        config
    }

    /// Replaces one map, or leaves it when `data` does not parse.
    pub fn set(&mut self, map: Map, data: &BTreeMap<String, String>) -> Result<(), ConfigError> {
        match map {
            Map::Autoscaler => self.autoscaler = Arc::new(Autoscaler::parse(data)?),
            Map::Defaults => self.defaults = Arc::new(Defaults::parse(data)?),
            Map::Deployment => self.deployment = Arc::new(Deployment::parse(data)?),
            Map::Domain => self.domain = Arc::new(Domain::parse(data)?),
            Map::Features => self.features = Arc::new(Features::parse(data)?),
            Map::Network => self.network = Arc::new(Network::parse(data)?),
        }
        Ok(())
    }
}

/// What became of new data of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Whether the configuration in force is another than before.
    pub changed: bool,
    /// The keys that nothing reads.
    pub unknown_keys: Vec<String>,
}

/// Holds the configuration in force and hands out its changes. Of each map the last good value stays.
#[derive(Debug)]
pub struct Live {
    current: watch::Sender<Config>,
}

impl Default for Live {
    fn default() -> Self {
        Self::new(Config::seeded())
    }
}

impl Live {
    /// Begins with `config`.
    pub fn new(config: Config) -> Self {
        Self {
            current: watch::Sender::new(config),
        }
    }

    /// The configuration in force.
    pub fn get(&self) -> Config {
        self.current.borrow().clone()
    }

    /// Sees every later change, though not each of several in quick succession.
    pub fn subscribe(&self) -> watch::Receiver<Config> {
        self.current.subscribe()
    }

    /// Takes new data of a map. What does not parse changes nothing; telling is up to the caller.
    pub fn apply(&self, map: Map, data: &BTreeMap<String, String>) -> Result<Applied, ConfigError> {
        let mut result = Ok(());
        let changed = self.current.send_if_modified(|current| {
            let before = current.clone();
            result = current.set(map, data);
            *current != before
        });
        result.map(|()| Applied {
            changed,
            unknown_keys: map.unknown_keys(data),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()))
            .collect()
    }

    #[test]
    fn keeps_the_last_good_value() {
        let live = Live::default();
        let mut changes = live.subscribe();
        let good = live.apply(
            Map::Autoscaler,
            &data(&[("max-scale", "3"), ("surprise", "1")]),
        );
        assert_eq!(
            good,
            Ok(Applied {
                changed: true,
                unknown_keys: vec!["surprise".to_owned()]
            })
        );
        assert!(changes.has_changed().expect("the sender lives"));
        changes.mark_unchanged();
        let bad = live.apply(Map::Autoscaler, &data(&[("max-scale", "-1")]));
        assert_eq!(
            bad.expect_err("negative").to_string(),
            "max-scale = -1, must be in [0, max-scale-limit(0)] range"
        );
        assert_eq!(live.get().autoscaler.max_scale, 3);
        assert!(!changes.has_changed().expect("the sender lives"));
        let same = live.apply(Map::Autoscaler, &data(&[("max-scale", "3")]));
        assert_eq!(same.map(|applied| applied.changed), Ok(false));
    }

    #[test]
    fn seeds() {
        let config = Config::seeded();
        assert_eq!(
            config.network.default_ingress_class,
            super::super::GATEWAY_INGRESS_CLASS
        );
        assert_eq!(config.domain.lookup(&BTreeMap::new()), "localhost");
        assert!(!config.deployment.queue_sidecar_image.is_empty());
    }
}
