//! Route: an Ingress, and a placeholder Service for each of its tags.

pub mod ingress;
mod lookup;
pub mod placeholder;
mod placeholders;
pub mod plan;
mod url;

use std::sync::Arc;

use jiff::Timestamp;
use knative_core::controller::{Action, Reconciler, Tracker};
use knative_core::duck::Addressable;
use knative_core::object::{ObjectExt as _, quote};
use knative_core::store::NamespacedName;

use self::lookup::CacheLookup;
use self::plan::IngressInput;
use crate::api::keys::networking;
use crate::api::networking::Ingress;
use crate::api::route::lifecycle::{
    EXTERNAL_DOMAIN_TLS_NOT_ENABLED, TLS_NOT_ENABLED_FOR_CLUSTER_LOCAL,
};
use crate::api::{Route, RouteStatus};
use crate::config::{CLUSTER_DOMAIN, Config};
use crate::reconcile::failure::Failure;
use crate::reconcile::names;
use crate::reconcile::shell::{Made, Shell, same_pairs};
use crate::reconcile::status::{begin, finish};
use crate::traffic::{DEFAULT_TARGET, Rollout, Traffic, Visibility, resolve, visibility};

pub(crate) use self::url::UrlPort;

/// Reconciles Routes.
#[derive(Debug)]
pub(crate) struct RouteReconciler {
    pub(crate) shell: Shell,
    pub(crate) tracker: Tracker,
    pub(crate) port: UrlPort,
}

/// From where each tag can be reached.
type Visibilities = std::collections::BTreeMap<String, Visibility>;

impl Reconciler for RouteReconciler {
    type Resource = Route;
    type Error = Failure;

    async fn reconcile(&self, route: Arc<Route>) -> Result<Action, Failure> {
        if route.is_deleting() {
            return Ok(Action::done());
        }
        let now = self.shell.now();
        let mut status = begin(&*route, now);
        // A failure before the Ingress is looked at must not leave it ready for a generation that it knows nothing of.
        if status.observed_generation != route.generation() {
            status.mark_ingress_not_configured(now);
        }
        let result = self.pass(&route, &mut status, now).await;
        finish(&self.shell.store, &*route, status, now).await?;
        result.map(|()| Action::done())
    }

    fn forget(&self, name: &NamespacedName) {
        self.tracker.forget(name);
    }
}

impl RouteReconciler {
    async fn pass(
        &self,
        route: &Route,
        status: &mut RouteStatus,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let config = self.shell.config();
        let placeholders = self.shell.caches.core_services.owned_by(route.uid());
        let visibility = visibility(route, &config, placeholders.iter().map(|s| &**s))?;
        let Some(traffic) = self.configure(route, &visibility, &config, status, now)? else {
            return Ok(());
        };
        let host = names::route_service_host(route.name(), route.namespace(), CLUSTER_DOMAIN);
        status.address = Some(Addressable::from_url(format!("http://{host}")));
        let services = self
            .placeholders(route, &traffic, &config, status, now)
            .await?;
        mark_certificates(status, &visibility, &config, now);
        let ingress = self.ingress(route, &traffic, &visibility, &config).await?;
        let observed = ingress.status.clone().unwrap_or_default();
        if observed.observed_generation == ingress.generation() {
            status.propagate_ingress_status(&observed, now);
        } else {
            status.mark_ingress_not_configured(now);
        }
        self.lead_to_ingress(route, services, &ingress, &config)
            .await
    }

    /// Resolves the targets and says so in the status; none if some of them cannot receive traffic.
    fn configure(
        &self,
        route: &Route,
        visibility: &Visibilities,
        config: &Config,
        status: &mut RouteStatus,
        now: Timestamp,
    ) -> Result<Option<Traffic>, Failure> {
        let lookup = CacheLookup {
            caches: &self.shell.caches,
            namespace: route.namespace(),
        };
        let resolution = resolve(route, &lookup);
        let targets = lookup::tracked(&resolution.references, route.namespace());
        self.tracker.track(&NamespacedName::of(route), targets);
        status.url = Some(self.port.route_url(route, visibility, config)?);
        match resolution.outcome {
            Err(error) => {
                error.mark(status, now);
                Ok(None)
            }
            Ok(traffic) => {
                status.traffic = self
                    .port
                    .status_traffic(route, &traffic, visibility, config)?;
                status.mark_traffic_assigned(now);
                Ok(Some(traffic))
            }
        }
    }

    async fn ingress(
        &self,
        route: &Route,
        traffic: &Traffic,
        visibility: &Visibilities,
        config: &Config,
    ) -> Result<Ingress, Failure> {
        let wanted = plan::ingress(&IngressInput {
            route,
            traffic,
            visibility,
            rollout: &Rollout::goal(traffic),
            config,
            class: class(route, config),
            tls: &[],
            challenges: &[],
        })?;
        let cached = self
            .shell
            .caches
            .ingresses
            .get(route.namespace(), wanted.name());
        let existing = match cached {
            Some(existing) => Ingress::clone(&existing),
            None => match self.create_ingress(route, &wanted).await? {
                (made, Made::Now) => return Ok(made),
                (found, Made::Before) => found,
            },
        };
        let same = wanted.spec == existing.spec
            && same_pairs(
                wanted.metadata.labels.as_ref(),
                existing.metadata.labels.as_ref(),
            )
            && same_pairs(
                wanted.metadata.annotations.as_ref(),
                existing.metadata.annotations.as_ref(),
            );
        if same {
            return Ok(existing);
        }
        let next = Ingress {
            metadata: crate::reconcile::common::with_desired(&existing.metadata, &wanted.metadata),
            spec: wanted.spec,
            status: existing.status,
        };
        let updated = self.shell.api().update(&next).await;
        updated.map_err(Failure::step("failed to update Ingress"))
    }

    async fn create_ingress(
        &self,
        route: &Route,
        wanted: &Ingress,
    ) -> Result<(Ingress, Made), Failure> {
        let events = &self.shell.events;
        match self.shell.create_or_get(wanted).await {
            Ok((made, when)) => {
                if when == Made::Now {
                    let message = format!("Created Ingress {}", quote(made.name()));
                    events.normal(route, "Created", message);
                }
                Ok((made, when))
            }
            Err(error) => {
                let message = format!("Failed to create Ingress: {error}");
                events.warning(route, "CreationFailed", message);
                Err(Failure::step("failed to create Ingress")(error))
            }
        }
    }
}

/// Who serves the Ingress: whom the Route names, else whom the operator names.
fn class<'a>(route: &'a Route, config: &'a Config) -> &'a str {
    let named = [networking::INGRESS_CLASS, networking::INGRESS_CLASS_ALT]
        .into_iter()
        .find_map(|key| route.annotation(key));
    named
        .filter(|class| !class.is_empty())
        .unwrap_or(&config.network.default_ingress_class)
}

/// Plain HTTP needs no certificate.
fn mark_certificates(
    status: &mut RouteStatus,
    visibility: &Visibilities,
    config: &Config,
    now: Timestamp,
) {
    let local = visibility.get(DEFAULT_TARGET) == Some(&Visibility::ClusterLocal);
    let message = if local && config.network.external_domain_tls {
        TLS_NOT_ENABLED_FOR_CLUSTER_LOCAL
    } else {
        EXTERNAL_DOMAIN_TLS_NOT_ENABLED
    };
    status.mark_tls_not_enabled(message, now);
}
