//! Keeps a placeholder Service for each tag of a Route, and leads it to where the Ingress is served.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Endpoints, Service};
use knative_core::object::{ObjectExt as _, quote};
use knative_core::store::DeleteOptions;

use super::{RouteReconciler, plan};
use crate::api::keys::networking;
use crate::api::networking::Ingress;
use crate::api::{Route, RouteStatus};
use crate::config::Config;
use crate::reconcile::common::with_desired;
use crate::reconcile::failure::Failure;
use crate::reconcile::shell::{Made, same_pairs};
use crate::traffic::Traffic;

/// A tag and its Service.
type Tagged = (String, Service);

impl RouteReconciler {
    /// The Services of all tags; what belongs to a tag that is no more is removed.
    pub(super) async fn placeholders(
        &self,
        route: &Route,
        traffic: &Traffic,
        config: &Config,
        status: &mut RouteStatus,
        now: Timestamp,
    ) -> Result<Vec<Tagged>, Failure> {
        let mut services = Vec::new();
        for tag in traffic.targets.keys() {
            let wanted = plan::placeholder_service(route, tag, config)?;
            let service = self.placeholder(route, wanted).await?;
            if !service.is_controlled_by(route.uid()) {
                status.mark_service_not_owned(service.name(), now);
                return Err(Failure::not_owned(
                    ("route", route.name()),
                    ("Service", service.name()),
                ));
            }
            services.push((tag.clone(), service));
        }
        self.remove_orphans(route, &services).await?;
        Ok(services)
    }

    async fn placeholder(&self, route: &Route, wanted: Service) -> Result<Service, Failure> {
        let cache = &self.shell.caches.core_services;
        if let Some(existing) = cache.get(wanted.namespace(), wanted.name()) {
            return Ok(Service::clone(&existing));
        }
        let name = quote(wanted.name());
        let events = &self.shell.events;
        match self.shell.create_or_get(&wanted).await {
            Ok((service, when)) => {
                if when == Made::Now {
                    let message = format!("Created placeholder service {name}");
                    events.normal(route, "Created", message);
                }
                Ok(service)
            }
            Err(error) => {
                let message = format!("Failed to create placeholder service {name}: {error}");
                events.warning(route, "CreationFailed", message);
                Err(Failure::step("failed to create placeholder service")(error))
            }
        }
    }

    async fn remove_orphans(&self, route: &Route, services: &[Tagged]) -> Result<(), Failure> {
        let owned: Vec<Arc<Service>> = self.shell.caches.core_services.owned_by(route.uid());
        let is_wanted = |name: &str| services.iter().any(|(_, service)| service.name() == name);
        for orphan in owned.iter().filter(|service| !is_wanted(service.name())) {
            let api = self.shell.api::<Service>();
            let options = DeleteOptions::default();
            match api
                .delete(orphan.namespace(), orphan.name(), &options)
                .await
            {
                Err(error) if !error.is_not_found() => {
                    return Err(Failure::step("failed to delete Service")(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Leads the Services to the load balancer, once the Ingress says where that is.
    pub(super) async fn lead_to_ingress(
        &self,
        route: &Route,
        services: Vec<Tagged>,
        ingress: &Ingress,
        config: &Config,
    ) -> Result<(), Failure> {
        for (tag, existing) in services {
            let private = existing
                .label(networking::VISIBILITY)
                .is_some_and(|value| !value.is_empty());
            let Ok(pair) = plan::service(route, &tag, ingress, private, config) else {
                // Not served yet: the change of the Ingress brings the next pass.
                return Ok(());
            };
            self.lead(existing, pair.service).await?;
            if let Some(endpoints) = pair.endpoints {
                self.lead_endpoints(endpoints).await?;
            }
        }
        Ok(())
    }

    async fn lead(&self, existing: Service, mut wanted: Service) -> Result<(), Failure> {
        keep_visibility(&existing, &mut wanted);
        let (old, new) = (&existing.metadata, &wanted.metadata);
        let same = existing.spec == wanted.spec
            && same_pairs(old.labels.as_ref(), new.labels.as_ref())
            && same_pairs(old.annotations.as_ref(), new.annotations.as_ref());
        if same {
            return Ok(());
        }
        let next = Service {
            metadata: with_desired(old, new),
            spec: wanted.spec,
            status: existing.status,
        };
        let updated = self.shell.api().update(&next).await;
        updated
            .map(drop)
            .map_err(Failure::step("failed to update placeholder service"))
    }

    async fn lead_endpoints(&self, wanted: Endpoints) -> Result<(), Failure> {
        let api = self.shell.api::<Endpoints>();
        let (existing, made) = self.shell.create_or_get(&wanted).await?;
        if made == Made::Before && existing.subsets != wanted.subsets {
            let next = Endpoints {
                subsets: wanted.subsets,
                ..existing
            };
            api.update(&next).await?;
        }
        Ok(())
    }
}

/// The label by which a user makes a single tag local stays, and so does every label that only the Service has: Knative
/// adds labels of the Route and takes none away.
fn keep_visibility(existing: &Service, wanted: &mut Service) {
    let labels = wanted.metadata.labels.get_or_insert_default();
    for (key, value) in existing.metadata.labels.iter().flatten() {
        labels.entry(key.clone()).or_insert_with(|| value.clone());
    }
    let annotations = wanted.metadata.annotations.get_or_insert_default();
    for (key, value) in existing.metadata.annotations.iter().flatten() {
        annotations
            .entry(key.clone())
            .or_insert_with(|| value.clone());
    }
}
