//! Revision: a workload, its autoscaler, and the images that it uses.

mod digests;
pub mod health;
pub mod plan;
pub mod template;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use knative_core::controller::{Action, Reconciler};
use knative_core::object::ObjectExt as _;
use knative_core::runtime::{Unsupported, WorkloadRuntime};
use knative_core::store::NamespacedName;

use self::digests::Lookup;
use self::health::Seen;
use crate::api::autoscaling::{PodAutoscaler, PodAutoscalerStatus};
use crate::api::caching::Image;
use crate::api::podspec::trial;
use crate::api::revision::lifecycle::{CONTAINER_MISSING, DEPLOYING, RESOLVING_DIGESTS};
use crate::api::{Revision, RevisionStatus};
use crate::autoscaler::bounds::progress_deadline;
use crate::projection::Workloads;
use crate::reconcile::failure::Failure;
use crate::reconcile::names;
use crate::reconcile::shell::Shell;
use crate::reconcile::status::{begin, finish};

pub(crate) use self::digests::Resolver;

/// Reason: the runtime cannot do what the template asks for.
const UNSUPPORTED: &str = "Unsupported";
/// Annotation of a status: how far instances are kept from the rest of the machine, where that is less than was asked for.
const ISOLATION: &str = "serving.knative.dev/isolation";

/// Reconciles Revisions.
#[derive(Debug)]
pub(crate) struct RevisionReconciler {
    pub(crate) shell: Shell,
    pub(crate) runtime: Arc<dyn WorkloadRuntime>,
    pub(crate) resolver: Arc<Resolver>,
    pub(crate) workloads: Arc<Workloads>,
}

impl Reconciler for RevisionReconciler {
    type Resource = Revision;
    type Error = Failure;

    async fn reconcile(&self, revision: Arc<Revision>) -> Result<Action, Failure> {
        if revision.is_deleting() {
            return Ok(Action::done());
        }
        let now = self.shell.now();
        let mut status = begin(&*revision, now);
        let was_ready = revision.is_ready();
        let result = self.pass(&revision, &mut status, now).await;
        if !was_ready && knative_core::Conditioned::is_happy(&status) {
            let message = "Revision becomes ready upon all resources being ready";
            self.shell
                .events
                .normal(&*revision, "RevisionReady", message);
        }
        finish(&self.shell.store, &*revision, status, now).await?;
        result
    }

    fn forget(&self, name: &NamespacedName) {
        self.resolver.forget(name);
    }
}

impl RevisionReconciler {
    async fn pass(
        &self,
        revision: &Arc<Revision>,
        status: &mut RevisionStatus,
        now: Timestamp,
    ) -> Result<Action, Failure> {
        if let Some(waiting) = self.digests(revision, status, now)? {
            return Ok(waiting);
        }
        if !self.check(revision, status, now) {
            return Ok(Action::done().because("the runtime cannot run this template"));
        }
        let scaler = self.scaler(revision);
        // One that has no status yet says nothing of what runs.
        let observed = scaler.as_ref().filter(|scaler| scaler.status.is_some());
        let requeue = if let Some(scaler) = observed {
            self.report(revision, scaler, status, now)
        } else {
            status.mark_resources_available_unknown(DEPLOYING, "", now);
            status.mark_container_healthy_unknown(DEPLOYING, "", now);
            None
        };
        self.images(revision, status).await?;
        self.pod_autoscaler(revision, scaler, status, now).await?;
        Ok(requeue.map_or_else(Action::done, Action::requeue))
    }

    /// Whether digests have to be waited for. A failure is an error, which is told and retried.
    fn digests(
        &self,
        revision: &Revision,
        status: &mut RevisionStatus,
        now: Timestamp,
    ) -> Result<Option<Action>, Failure> {
        let pod = &revision.spec.pod;
        let images = pod.containers.len() + pod.init_containers.iter().flatten().count();
        if status.container_statuses.len() + status.init_container_statuses.len() == images {
            return Ok(None);
        }
        match self
            .resolver
            .resolve(revision, &self.shell.config().deployment)
        {
            Lookup::Found {
                containers,
                init_containers,
            } => {
                status.container_statuses = containers;
                status.init_container_statuses = init_containers;
                status.mark_resources_available_unknown(DEPLOYING, "", now);
                status.mark_container_healthy_unknown(DEPLOYING, "", now);
                // Whoever makes instances reads the digests from the stored status.
                Ok(Some(Action::done().because("digests are written first")))
            }
            Lookup::Working => {
                status.mark_resources_available_unknown(RESOLVING_DIGESTS, "", now);
                Ok(Some(Action::done().because("digests are being looked up")))
            }
            Lookup::Failed { message, retry } => {
                status.mark_container_healthy_false(CONTAINER_MISSING, &message, now);
                Err(Failure::Later { message, retry })
            }
        }
    }

    /// Whether the runtime can run the Revision; a field without effect is told once.
    fn check(&self, revision: &Revision, status: &mut RevisionStatus, now: Timestamp) -> bool {
        let template = template::pod_template(revision, None);
        let pod = template.spec.as_ref().map(trial::wrong).unwrap_or_default();
        let mut findings = self.runtime.check(&template);
        findings.extend(
            pod.into_iter()
                .map(|wrong| Unsupported::refused(wrong.field, wrong.message)),
        );
        let (ignored, refused): (Vec<Unsupported>, Vec<Unsupported>) =
            findings.into_iter().partition(|finding| finding.ignored);
        if !refused.is_empty() {
            let texts: Vec<String> = refused.iter().map(ToString::to_string).collect();
            status.mark_resources_available_false(UNSUPPORTED, &texts.join("; "), now);
            return false;
        }
        if ignored.is_empty() || status.annotations.contains_key(ISOLATION) {
            return true;
        }
        let isolation = self.runtime.capabilities().isolation.as_str();
        status
            .annotations
            .insert(ISOLATION.to_owned(), isolation.to_owned());
        for finding in ignored {
            let events = &self.shell.events;
            events.warning(revision, UNSUPPORTED, finding.to_string());
        }
        true
    }

    fn scaler(&self, revision: &Revision) -> Option<Arc<PodAutoscaler>> {
        let name = names::pod_autoscaler(revision.name());
        let scalers = &self.shell.caches.pod_autoscalers;
        scalers.get(revision.namespace(), &name)
    }

    /// Takes over how the instances fare; answers when the deadline for the first scale is.
    fn report(
        &self,
        revision: &Revision,
        scaler: &PodAutoscaler,
        status: &mut RevisionStatus,
        now: Timestamp,
    ) -> Option<Duration> {
        let workload = template::workload(revision);
        let instances = self.workloads.instances(&workload);
        let seen = self.seen(revision, scaler, &workload.name, &instances, now);
        seen.report(status, now);
        seen.left(now)
            .and_then(|left| Duration::try_from(left).ok())
    }

    fn seen<'a>(
        &self,
        revision: &Revision,
        scaler: &PodAutoscaler,
        deployment: &'a str,
        instances: &'a crate::projection::Instances,
        now: Timestamp,
    ) -> Seen<'a> {
        let status = scaler.status.as_ref();
        let created = scaler.metadata.creation_timestamp.as_ref();
        let annotated = revision.metadata.annotations.as_ref();
        Seen {
            deployment,
            instances,
            initialized: status.is_some_and(PodAutoscalerStatus::is_scale_target_initialized),
            since: created.map_or(now, |created| created.0),
            deadline: annotated
                .and_then(progress_deadline)
                .unwrap_or(self.shell.config().deployment.progress_deadline),
        }
    }

    async fn images(&self, revision: &Revision, status: &RevisionStatus) -> Result<(), Failure> {
        let known = self.shell.caches.images.owned_by(revision.uid());
        let of_status = Revision {
            status: Some(status.clone()),
            ..revision.clone()
        };
        for wanted in plan::images(&of_status) {
            if known.iter().any(|image| image.name() == wanted.name()) {
                continue;
            }
            let what = "failed to create image cache";
            let made = self.shell.create_or_get::<Image>(&wanted).await;
            made.map_err(Failure::step(what))?;
        }
        Ok(())
    }

    async fn pod_autoscaler(
        &self,
        revision: &Revision,
        existing: Option<Arc<PodAutoscaler>>,
        status: &mut RevisionStatus,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let of_status = Revision {
            status: Some(status.clone()),
            ..revision.clone()
        };
        let deployment = existing.as_ref().map(|scaler| {
            let workload = template::workload(revision);
            let instances = self.workloads.instances(&workload);
            self.seen(revision, scaler, &workload.name, &instances, now)
                .deployment(now)
        });
        let wanted = plan::pod_autoscaler(&of_status, deployment.as_ref());
        let existing = if let Some(existing) = existing {
            PodAutoscaler::clone(&existing)
        } else {
            let made = self.shell.create_or_get(&wanted).await;
            made.map_err(Failure::step("failed to create PA"))?.0
        };
        if !existing.is_controlled_by(revision.uid()) {
            let name = existing.name().to_owned();
            let message = crate::api::lifecycle::not_owned_message("PodAutoscaler", &name);
            let reason = crate::api::lifecycle::NOT_OWNED;
            status.mark_resources_available_false(reason, &message, now);
            return Err(Failure::not_owned(
                ("revision", revision.name()),
                ("PodAutoscaler", &name),
            ));
        }
        let scaler = if existing.spec == wanted.spec {
            existing
        } else {
            let next = PodAutoscaler {
                spec: wanted.spec,
                ..existing
            };
            let updated = self.shell.api().update(&next).await;
            updated.map_err(Failure::step("failed to update PA"))?
        };
        let observed = scaler.status.unwrap_or_default();
        status.propagate_autoscaler_status(&observed, now);
        Ok(())
    }
}
