//! What a Service is made of.

use std::collections::BTreeSet;

use knative_core::object::ObjectExt as _;

use crate::api::keys::{LAST_APPLIED_CONFIGURATION, serving};
use crate::api::{Configuration, ConfigurationSpec, Route, RouteSpec, Service, TrafficTarget};
use crate::reconcile::common::{owned_by, with, without};

/// The Configuration of a Service; `existing` is the one that is there, whose routes are kept.
pub fn configuration(service: &Service, existing: Option<&Configuration>) -> Configuration {
    let metadata = &service.metadata;
    let labels = with(
        metadata.labels.clone().unwrap_or_default(),
        [
            (serving::SERVICE, service.name()),
            (serving::SERVICE_UID, service.uid()),
        ],
    );
    let own = [
        LAST_APPLIED_CONFIGURATION,
        serving::ROLLOUT_DURATION,
        serving::ROLLOUT_DURATION_ALT,
    ];
    let routes = routes(service, existing);
    let annotations = with(
        without(metadata.annotations.as_ref(), &own),
        [(serving::ROUTES, routes.as_str())],
    );
    Configuration {
        metadata: owned_by(service, service.name().to_owned(), labels, annotations),
        spec: ConfigurationSpec {
            template: service.spec.template.clone(),
        },
        status: None,
    }
}

/// The Route of a Service.
pub fn route(service: &Service) -> Route {
    let metadata = &service.metadata;
    let labels = with(
        metadata.labels.clone().unwrap_or_default(),
        [(serving::SERVICE, service.name())],
    );
    let annotations = without(metadata.annotations.as_ref(), &[LAST_APPLIED_CONFIGURATION]);
    let traffic = service
        .spec
        .traffic
        .iter()
        .map(|target| of_configuration(target, service.name()));
    Route {
        metadata: owned_by(service, service.name().to_owned(), labels, annotations),
        spec: RouteSpec {
            traffic: traffic.collect(),
        },
        status: None,
    }
}

/// Whether the status of `route` sends traffic as its spec says, to the latest ready Revision of `configuration`.
///
/// A Route is ready for what it saw; this tells whether it saw the newest Revision.
pub fn traffic_is_migrated(route: &Route, configuration: &Configuration) -> bool {
    let status = configuration.status.as_ref();
    let latest = status.map_or("", |status| status.latest_ready_revision_name.as_str());
    let resolved = |target: &TrafficTarget| {
        if target.configuration_name == configuration.name() {
            line(target, latest, "")
        } else {
            as_is(target)
        }
    };
    let want = route.spec.traffic.iter().map(resolved);
    let got = route.status.iter().flat_map(|status| &status.traffic);
    want.eq(got.map(as_is))
}

type Line = (String, String, String, i64);

/// What counts when a target of the spec is compared with one of the status.
fn as_is(target: &TrafficTarget) -> Line {
    line(target, &target.revision_name, &target.configuration_name)
}

fn line(target: &TrafficTarget, revision: &str, configuration: &str) -> Line {
    let percent = target.percent.unwrap_or_default();
    (
        target.tag.clone(),
        revision.to_owned(),
        configuration.to_owned(),
        percent,
    )
}

/// A target that names no Revision follows the Service's own Configuration.
fn of_configuration(target: &TrafficTarget, configuration: &str) -> TrafficTarget {
    let mut target = target.clone();
    if target.revision_name.is_empty() {
        configuration.clone_into(&mut target.configuration_name);
    }
    target
}

/// The Routes that refer to the Configuration: those that do already, and the Service's own.
fn routes(service: &Service, existing: Option<&Configuration>) -> String {
    let existing = existing.and_then(|existing| existing.annotation(serving::ROUTES));
    let mut routes: BTreeSet<&str> = existing.unwrap_or_default().split(',').collect();
    routes.insert(service.name());
    routes.remove("");
    routes.into_iter().collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
