//! URLs of a Route as its status shows them.

use crate::api::{Route, TrafficTarget};
use crate::config::{Config, HostError};
use crate::traffic::{DEFAULT_TARGET, Traffic, Visibility, status_traffic, target_url};

use super::Visibilities;

/// The port at which hosts are reached from outside, where that is not the scheme's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UrlPort(pub(crate) Option<u16>);

impl UrlPort {
    /// The URL of the Route itself.
    pub(super) fn route_url(
        self,
        route: &Route,
        visibility: &Visibilities,
        config: &Config,
    ) -> Result<String, HostError> {
        let visibility = visibility.get(DEFAULT_TARGET).copied();
        let url = target_url(route, DEFAULT_TARGET, visibility, config)?;
        Ok(self.at(url, visibility))
    }

    /// The targets, tagged ones with their URL.
    pub(super) fn status_traffic(
        self,
        route: &Route,
        traffic: &Traffic,
        visibility: &Visibilities,
        config: &Config,
    ) -> Result<Vec<TrafficTarget>, HostError> {
        let mut targets = status_traffic(route, traffic, visibility, config)?;
        for target in targets.iter_mut().filter(|target| !target.url.is_empty()) {
            let url = std::mem::take(&mut target.url);
            target.url = self.at(url, visibility.get(&target.tag).copied());
        }
        Ok(targets)
    }

    /// Names inside the cluster have the port of their Service.
    fn at(self, url: String, visibility: Option<Visibility>) -> String {
        let own = if url.starts_with("https:") { 443 } else { 80 };
        match self.0 {
            Some(port) if port != own && visibility != Some(Visibility::ClusterLocal) => {
                format!("{url}:{port}")
            }
            _ => url,
        }
    }
}
