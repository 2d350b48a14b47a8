//! What a plan writes to the status of a `PodAutoscaler`.

use jiff::Timestamp;
use knative_core::Conditioned;

use super::activity::Activity;
use crate::api::autoscaling::PodAutoscalerStatus;

/// Changes of the `PodAutoscaler`'s status; [`StatusPlan::apply`] makes them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StatusPlan {
    /// Wanted replicas, none = unknown. Not to be written after a failure.
    pub desired_scale: Option<i32>,
    /// Ready replicas; none where the status keeps what it says, after a failure.
    pub actual_scale: Option<i32>,
    /// Core Service for requests.
    pub service_name: Option<String>,
    /// Core Service for metrics.
    pub metrics_service_name: Option<String>,
    /// Whether the `ServerlessService` is ready, or why not.
    pub sks: Option<Result<(), String>>,
    /// The first scale was reached.
    pub initialized: bool,
    /// New state of condition `Active`.
    pub activity: Option<Activity>,
}

impl StatusPlan {
    /// Writes the changes to `status`. An unknown scale never replaces a known one.
    pub fn apply(&self, status: &mut PodAutoscalerStatus, now: Timestamp) {
        status.initialize_conditions(now);
        if let Some(name) = &self.service_name {
            status.service_name.clone_from(name);
        }
        if let Some(name) = &self.metrics_service_name {
            status.metrics_service_name.clone_from(name);
        }
        match &self.sks {
            Some(Ok(())) => status.mark_sks_ready(now),
            Some(Err(message)) => status.mark_sks_not_ready(message, now),
            None => {}
        }
        if let Some(actual) = self.actual_scale {
            status.actual_scale = Some(actual);
            let known = status.desired_scale.filter(|desired| *desired >= 0);
            status.desired_scale = Some(self.desired_scale.or(known).unwrap_or(-1));
        }
        if self.initialized {
            status.mark_scale_target_initialized(now);
        }
        if let Some(activity) = &self.activity {
            activity.mark(status, now);
        }
    }
}
