//! `PodAutoscaler`: hands a Revision to the gateway and the scaler, and shows how its scale stands.

mod plan;
mod register;

use std::sync::Arc;

use jiff::Timestamp;
use knative_core::controller::{Action, Reconciler};
use knative_core::object::{ObjectExt as _, controller_of};
use knative_core::store::NamespacedName;

use self::register::Register;
use crate::api::Revision;
use crate::api::autoscaling::annotation::KPA;
use crate::api::autoscaling::{Metric, PodAutoscaler, PodAutoscalerStatus};
use crate::api::networking::ServerlessService;
use crate::autoscaler::bounds::Bounds;
use crate::autoscaler::run::ScaleStatus;
use crate::autoscaler::scale::Activity;
use crate::reconcile::failure::Failure;
use crate::reconcile::shell::Shell;
use crate::reconcile::status::{begin, finish};

pub(crate) use self::register::Registry;

/// Reconciles `PodAutoscalers`.
#[derive(Debug)]
pub(crate) struct PodAutoscalerReconciler {
    pub(crate) shell: Shell,
    pub(crate) registry: Arc<Registry>,
}

impl Reconciler for PodAutoscalerReconciler {
    type Resource = PodAutoscaler;
    type Error = Failure;

    async fn reconcile(&self, scaler: Arc<PodAutoscaler>) -> Result<Action, Failure> {
        let name = NamespacedName::of(&*scaler);
        if scaler.is_deleting() {
            self.registry.remove(&name);
            return Ok(Action::done());
        }
        let now = self.shell.now();
        let bounds = self.bounds(&scaler);
        let revision = self.revision(&scaler);
        let (Some(revision), true) = (revision, bounds.class == KPA) else {
            self.registry.seen(&name);
            return Ok(Action::done().because("not ours to scale"));
        };
        let mut status = begin(&*scaler, now);
        let scale = self.registry.set(&Register {
            scaler: &scaler,
            revision: &revision,
            bounds: &bounds,
            config: &self.shell.config(),
        });
        let result = self
            .pass(&scaler, &bounds, scale.as_deref(), &mut status, now)
            .await;
        finish(&self.shell.store, &*scaler, status, now).await?;
        result.map(|()| Action::done())
    }

    fn forget(&self, name: &NamespacedName) {
        self.registry.remove(name);
    }
}

impl PodAutoscalerReconciler {
    fn bounds(&self, scaler: &PodAutoscaler) -> Bounds {
        let annotations = scaler.metadata.annotations.clone().unwrap_or_default();
        let spec = &scaler.spec;
        let config = self.shell.config().autoscaler;
        Bounds::resolve(
            &annotations,
            spec.container_concurrency,
            &spec.reachability,
            &config,
        )
    }

    fn revision(&self, scaler: &PodAutoscaler) -> Option<Arc<Revision>> {
        let owner = controller_of(&scaler.metadata)?;
        let revisions = &self.shell.caches.revisions;
        let revision = revisions.get(scaler.namespace(), &owner.name)?;
        (revision.uid() == owner.uid).then_some(revision)
    }

    async fn pass(
        &self,
        scaler: &PodAutoscaler,
        bounds: &Bounds,
        scale: Option<&ScaleStatus>,
        status: &mut PodAutoscalerStatus,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let service = self.service(scaler, scale).await?;
        if !service.is_controlled_by(scaler.uid()) {
            status.mark_resource_not_owned("ServerlessService", service.name(), now);
            return Err(Failure::Blocked(
                "error reconciling SKS: the PodAutoscaler does not own it".to_owned(),
            ));
        }
        self.metric(scaler, bounds, status, now).await?;
        plan::status(scaler, bounds, &service, scale).apply(status, now);
        Ok(())
    }

    async fn service(
        &self,
        scaler: &PodAutoscaler,
        scale: Option<&ScaleStatus>,
    ) -> Result<ServerlessService, Failure> {
        let plan = scale.and_then(|scale| scale.sks);
        let wanted = plan::serverless_service(scaler, plan);
        let services = &self.shell.caches.serverless_services;
        let existing = if let Some(known) = services.get(scaler.namespace(), wanted.name()) {
            ServerlessService::clone(&known)
        } else {
            let made = self.shell.create_or_get(&wanted).await;
            made.map_err(Failure::step("error reconciling SKS"))?.0
        };
        let owned = existing.is_controlled_by(scaler.uid());
        // While instances start, the number of activators follows each of them: only what it comes to is written.
        let same_mode = existing.spec.mode == wanted.spec.mode;
        let starting = scale.is_some_and(|scale| scale.activity == Some(Activity::Activating));
        let settled = existing.spec == wanted.spec || same_mode && starting;
        if !owned || plan.is_none() || settled {
            return Ok(existing);
        }
        let next = ServerlessService {
            spec: wanted.spec,
            ..existing
        };
        let updated = self.shell.api().update(&next).await;
        updated.map_err(Failure::step("error reconciling SKS"))
    }

    async fn metric(
        &self,
        scaler: &PodAutoscaler,
        bounds: &Bounds,
        status: &mut PodAutoscalerStatus,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let wanted = plan::metric(scaler, bounds);
        let metrics = &self.shell.caches.metrics;
        let existing = if let Some(known) = metrics.get(scaler.namespace(), wanted.name()) {
            Metric::clone(&known)
        } else {
            let made = self.shell.create_or_get(&wanted).await;
            made.map_err(Failure::step("error fetching metric"))?.0
        };
        if !existing.is_controlled_by(scaler.uid()) {
            status.mark_resource_not_owned("Metric", existing.name(), now);
            return Err(Failure::Blocked(
                "error reconciling metric: the PodAutoscaler does not own it".to_owned(),
            ));
        }
        if existing.spec == wanted.spec {
            return Ok(());
        }
        let next = Metric {
            spec: wanted.spec,
            ..existing
        };
        let updated = self.shell.api().update(&next).await;
        updated
            .map(drop)
            .map_err(Failure::step("error updating metric"))
    }
}
