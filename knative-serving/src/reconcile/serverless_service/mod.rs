//! `ServerlessService`: two core Services of a Revision, whether it has instances, and whether requests are buffered before
//! them.

mod services;

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1;
use knative_core::controller::{Action, Reconciler};
use knative_core::object::ObjectExt as _;
use knative_core::store::NamespacedName;

use crate::api::networking::ServerlessService;
use crate::api::networking::serverless_service::{MODE_PROXY, ServerlessServiceStatus};
use crate::reconcile::failure::Failure;
use crate::reconcile::names;
use crate::reconcile::pod_autoscaler::Registry;
use crate::reconcile::shell::Shell;
use crate::reconcile::status::{begin, finish};

/// Reason: there is no instance.
const NO_HEALTHY_BACKENDS: &str = "NoHealthyBackends";

/// Reconciles `ServerlessServices`.
#[derive(Debug)]
pub(crate) struct ServerlessServiceReconciler {
    pub(crate) shell: Shell,
    pub(crate) registry: Arc<Registry>,
}

impl Reconciler for ServerlessServiceReconciler {
    type Resource = ServerlessService;
    type Error = Failure;

    async fn reconcile(&self, service: Arc<ServerlessService>) -> Result<Action, Failure> {
        if service.is_deleting() {
            return Ok(Action::done());
        }
        let now = self.shell.now();
        let mut status = begin(&*service, now);
        let ensured = self.ensure_both(&service, &mut status, now).await;
        if let Err(failure) = ensured {
            finish(&self.shell.store, &*service, status, now).await?;
            return Err(failure);
        }
        let scale = self.registry.scale(&NamespacedName::of(&*service));
        let ready = scale.map_or(0, |scale| scale.actual_scale);
        observe(&service, ready, &mut status, now);
        finish(&self.shell.store, &*service, status, now).await?;
        Ok(Action::done())
    }
}

impl ServerlessServiceReconciler {
    async fn ensure_both(
        &self,
        service: &ServerlessService,
        status: &mut ServerlessServiceStatus,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let private = names::private_service(service.name());
        self.ensure(service, services::private(service, &private), status, now)
            .await?;
        let public = names::public_service(service.name());
        self.ensure(service, services::public(service, &public), status, now)
            .await
    }

    /// Makes a core Service unless it is there; one of that name that is somebody else's is left alone.
    async fn ensure(
        &self,
        service: &ServerlessService,
        wanted: v1::Service,
        status: &mut ServerlessServiceStatus,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let name = wanted.name();
        let cache = &self.shell.caches.core_services;
        let owned = if let Some(existing) = cache.get(service.namespace(), name) {
            existing.is_controlled_by(service.uid())
        } else {
            let what = format!("failed to create K8s Service {name}");
            let made = self.shell.create_or_get(&wanted).await;
            let (existing, _) = made.map_err(Failure::step(what))?;
            existing.is_controlled_by(service.uid())
        };
        if owned {
            return Ok(());
        }
        status.mark_endpoints_not_owned("Service", name, now);
        Err(Failure::not_owned(
            ("SKS", service.name()),
            ("Service", name),
        ))
    }
}

/// Says what `ready` instances mean.
fn observe(
    service: &ServerlessService,
    ready: i32,
    status: &mut ServerlessServiceStatus,
    now: Timestamp,
) {
    status.service_name = names::public_service(service.name());
    status.private_service_name = names::private_service(service.name());
    if ready > 0 {
        status.mark_endpoints_ready(now);
    } else {
        status.mark_endpoints_not_ready(NO_HEALTHY_BACKENDS, now);
    }
    if ready == 0 || service.spec.mode == MODE_PROXY {
        status.mark_activator_endpoints_populated(now);
    } else {
        status.mark_activator_endpoints_removed(now);
    }
}
