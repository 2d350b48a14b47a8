//! Service: one Configuration and one Route of its name.

pub mod plan;

use std::sync::Arc;

use jiff::Timestamp;
use knative_core::controller::{Action, Reconciler};
use knative_core::object::{ObjectExt as _, quote};

use crate::api::{Configuration, Route, Service, ServiceStatus};
use crate::reconcile::common::with_desired;
use crate::reconcile::configuration::plan::{Availability, availability};
use crate::reconcile::failure::Failure;
use crate::reconcile::shell::{Made, Shell, same_pairs};
use crate::reconcile::status::{begin, finish};

/// Reconciles Services.
#[derive(Debug)]
pub(crate) struct ServiceReconciler {
    pub(crate) shell: Shell,
}

impl Reconciler for ServiceReconciler {
    type Resource = Service;
    type Error = Failure;

    async fn reconcile(&self, service: Arc<Service>) -> Result<Action, Failure> {
        if service.is_deleting() {
            return Ok(Action::done());
        }
        let now = self.shell.now();
        let mut status = begin(&*service, now);
        let result = self.pass(&service, &mut status, now).await;
        finish(&self.shell.store, &*service, status, now).await?;
        result.map(|()| Action::done())
    }
}

impl ServiceReconciler {
    async fn pass(
        &self,
        service: &Service,
        status: &mut ServiceStatus,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let configuration = self.configuration(service, status, now).await?;
        let observed = configuration.status.clone().unwrap_or_default();
        let named = configuration.spec.template.metadata.name.as_deref();
        let named = named.unwrap_or_default();
        if observed.observed_generation == configuration.generation() {
            status.propagate_configuration_status(&observed, now);
        } else {
            status.mark_configuration_not_reconciled(now);
            // A Revision that is named by hand has to be there before the Route may name it.
            if !named.is_empty() {
                return Ok(());
            }
        }
        let revision = self
            .shell
            .caches
            .revisions
            .get(service.namespace(), named)
            .filter(|_| !named.is_empty());
        if availability(&configuration, revision.as_deref()) == Availability::Taken {
            status.mark_revision_name_taken(named, now);
            return Ok(());
        }
        let route = self.route(service, status, now).await?;
        follow_route(status, &route, &configuration, now);
        Ok(())
    }

    async fn configuration(
        &self,
        service: &Service,
        status: &mut ServiceStatus,
        now: Timestamp,
    ) -> Result<Configuration, Failure> {
        let name = service.name();
        let cache = &self.shell.caches.configurations;
        let known = cache.get(service.namespace(), name);
        let existing = if let Some(known) = known {
            Configuration::clone(&known)
        } else {
            let wanted = plan::configuration(service, None);
            let (made, when) = self
                .shell
                .create_or_get(&wanted)
                .await
                .map_err(Failure::step("failed to create Configuration"))?;
            if when == Made::Now {
                self.tell_created(service, "Configuration", name);
                return Ok(made);
            }
            made
        };
        if !existing.is_controlled_by(service.uid()) {
            status.mark_configuration_not_owned(name, now);
            return Err(Failure::not_owned(
                ("service", name),
                ("configuration", name),
            ));
        }
        let wanted = plan::configuration(service, Some(&existing));
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
        let next = Configuration {
            metadata: with_desired(&existing.metadata, &wanted.metadata),
            spec: wanted.spec,
            status: existing.status,
        };
        let updated = self.shell.api().update(&next).await;
        updated.map_err(Failure::step("failed to reconcile Configuration"))
    }

    async fn route(
        &self,
        service: &Service,
        status: &mut ServiceStatus,
        now: Timestamp,
    ) -> Result<Route, Failure> {
        let name = service.name();
        let wanted = plan::route(service);
        let known = self.shell.caches.routes.get(service.namespace(), name);
        let existing = if let Some(known) = known {
            Route::clone(&known)
        } else {
            let (made, when) = self
                .shell
                .create_or_get(&wanted)
                .await
                .map_err(Failure::step("failed to create Route"))?;
            if when == Made::Now {
                self.tell_created(service, "Route", name);
                return Ok(made);
            }
            made
        };
        if !existing.is_controlled_by(service.uid()) {
            status.mark_route_not_owned(name, now);
            return Err(Failure::not_owned(("service", name), ("route", name)));
        }
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
        let next = Route {
            metadata: with_desired(&existing.metadata, &wanted.metadata),
            spec: wanted.spec,
            status: existing.status,
        };
        let updated = self.shell.api().update(&next).await;
        updated.map_err(Failure::step("failed to reconcile Route"))
    }

    fn tell_created(&self, service: &Service, kind: &str, name: &str) {
        let message = format!("Created {kind} {}", quote(name));
        self.shell.events.normal(service, "Created", message);
    }
}

fn follow_route(
    status: &mut ServiceStatus,
    route: &Route,
    configuration: &Configuration,
    now: Timestamp,
) {
    use crate::api::service::lifecycle::ROUTES_READY;
    use knative_core::{Condition, Conditioned as _};

    let observed = route.status.clone().unwrap_or_default();
    if observed.observed_generation == route.generation() {
        status.propagate_route_status(&observed, now);
    } else {
        status.mark_route_not_reconciled(now);
    }
    let ready = status
        .condition(ROUTES_READY)
        .is_some_and(Condition::is_true);
    if ready && !plan::traffic_is_migrated(route, configuration) {
        status.mark_route_not_yet_ready(now);
    }
}
