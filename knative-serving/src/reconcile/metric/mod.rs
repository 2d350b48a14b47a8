//! Metric: measured by the gateway itself, so that there is nothing to wait for.

use std::sync::Arc;

use knative_core::controller::{Action, Reconciler};
use knative_core::object::ObjectExt as _;

use crate::api::autoscaling::Metric;
use crate::reconcile::failure::Failure;
use crate::reconcile::shell::Shell;
use crate::reconcile::status::{begin, finish};

/// Reconciles Metrics.
#[derive(Debug)]
pub(crate) struct MetricReconciler {
    pub(crate) shell: Shell,
}

impl Reconciler for MetricReconciler {
    type Resource = Metric;
    type Error = Failure;

    async fn reconcile(&self, metric: Arc<Metric>) -> Result<Action, Failure> {
        if metric.is_deleting() {
            return Ok(Action::done());
        }
        let now = self.shell.now();
        let mut status = begin(&*metric, now);
        status.mark_metric_ready(now);
        finish(&self.shell.store, &*metric, status, now).await?;
        Ok(Action::done())
    }
}
