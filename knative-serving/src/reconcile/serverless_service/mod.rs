//! `ServerlessService`: shows whether a Revision has instances, and whether requests are buffered before them.

use std::sync::Arc;

use jiff::Timestamp;
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
        let scale = self.registry.scale(&NamespacedName::of(&*service));
        let ready = scale.map_or(0, |scale| scale.actual_scale);
        observe(&service, ready, &mut status, now);
        finish(&self.shell.store, &*service, status, now).await?;
        Ok(Action::done())
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
