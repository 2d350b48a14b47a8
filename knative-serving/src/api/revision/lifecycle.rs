//! Conditions of a Revision.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DeploymentCondition, DeploymentStatus};
use knative_core::condition::{ConditionManager, READY};
use knative_core::object::quote;
use knative_core::{Condition, ConditionSet, ConditionStatus, Conditioned};

use super::{Revision, RevisionStatus};
use crate::api::autoscaling::PodAutoscalerStatus;
use crate::api::lifecycle::conditioned;

/// Condition: the instances that were asked for are there.
pub const RESOURCES_AVAILABLE: &str = "ResourcesAvailable";
/// Condition: the containers start and pass their readiness probes.
pub const CONTAINER_HEALTHY: &str = "ContainerHealthy";
/// Condition: the Revision is not scaled to zero. Does not decide readiness.
pub const ACTIVE: &str = "Active";

/// Reason: an image cannot be found or pulled.
pub const CONTAINER_MISSING: &str = "ContainerMissing";
/// Reason: the digests of the images are being looked up.
pub const RESOLVING_DIGESTS: &str = "ResolvingDigests";
/// Reason: the workload is on its way.
pub const DEPLOYING: &str = "Deploying";
/// Reason: the workload made no progress in time.
pub const PROGRESS_DEADLINE_EXCEEDED: &str = "ProgressDeadlineExceeded";

conditioned!(
    Revision,
    RevisionStatus,
    [RESOURCES_AVAILABLE, CONTAINER_HEALTHY]
);

impl RevisionStatus {
    /// The Revision has instances.
    pub fn mark_active_true(&mut self, now: Timestamp) {
        self.manage(now).mark_true(ACTIVE);
    }

    /// The Revision is scaled to zero.
    pub fn mark_active_false(&mut self, reason: &str, message: &str, now: Timestamp) {
        self.manage(now).mark_false(ACTIVE, reason, message);
    }

    /// The Revision is on its way from or to zero.
    pub fn mark_active_unknown(&mut self, reason: &str, message: &str, now: Timestamp) {
        self.manage(now).mark_unknown(ACTIVE, reason, message);
    }

    /// The containers run and are ready.
    pub fn mark_container_healthy_true(&mut self, now: Timestamp) {
        self.manage(now).mark_true(CONTAINER_HEALTHY);
    }

    /// A container does not run.
    pub fn mark_container_healthy_false(&mut self, reason: &str, message: &str, now: Timestamp) {
        self.manage(now)
            .mark_false(CONTAINER_HEALTHY, reason, message);
    }

    /// Nothing is known of the containers yet.
    pub fn mark_container_healthy_unknown(&mut self, reason: &str, message: &str, now: Timestamp) {
        self.manage(now)
            .mark_unknown(CONTAINER_HEALTHY, reason, message);
    }

    /// The instances are there.
    pub fn mark_resources_available_true(&mut self, now: Timestamp) {
        self.manage(now).mark_true(RESOURCES_AVAILABLE);
    }

    /// The instances cannot be had.
    pub fn mark_resources_available_false(&mut self, reason: &str, message: &str, now: Timestamp) {
        self.manage(now)
            .mark_false(RESOURCES_AVAILABLE, reason, message);
    }

    /// The instances are not there yet.
    pub fn mark_resources_available_unknown(
        &mut self,
        reason: &str,
        message: &str,
        now: Timestamp,
    ) {
        self.manage(now)
            .mark_unknown(RESOURCES_AVAILABLE, reason, message);
    }

    /// Takes over progress and failures of the Deployment.
    pub fn propagate_deployment_status(&mut self, deployment: &DeploymentStatus, now: Timestamp) {
        let ready = deployment_ready(deployment, now);
        self.manage(now).mirror(RESOURCES_AVAILABLE, &ready);
    }

    /// Takes over scale and activity of the `PodAutoscaler`, and what they say of the instances.
    ///
    /// A failure that is known already stays.
    pub fn propagate_autoscaler_status(&mut self, scaler: &PodAutoscalerStatus, now: Timestamp) {
        self.actual_replicas = scaler.actual_scale.filter(|&scale| scale >= 0);
        self.desired_replicas = scaler.desired_scale.filter(|&scale| scale >= 0);
        let failed = self.is_false(RESOURCES_AVAILABLE) || self.is_false(CONTAINER_HEALTHY);
        let Some(ready) = scaler.top_level() else {
            self.mark_active_unknown(DEPLOYING, "", now);
            if !failed {
                self.mark_resources_available_unknown(DEPLOYING, "", now);
            }
            return;
        };
        self.propagate_initial_scale(scaler, failed, now);
        if !failed && missed_initial_scale(scaler, ready) {
            let message = "Initial scale was never achieved";
            self.mark_resources_available_false(PROGRESS_DEADLINE_EXCEEDED, message, now);
        }
        self.manage(now).mirror(ACTIVE, ready);
    }

    /// Instances count as available once the first scale was reached, and not before.
    fn propagate_initial_scale(
        &mut self,
        scaler: &PodAutoscalerStatus,
        failed: bool,
        now: Timestamp,
    ) {
        let initialized = scaler.is_scale_target_initialized();
        if initialized && !failed {
            self.mark_resources_available_true(now);
            self.mark_container_healthy_true(now);
        }
        let available = self
            .condition(RESOURCES_AVAILABLE)
            .is_some_and(Condition::is_true);
        if available && (scaler.service_name.is_empty() || !initialized) {
            self.mark_resources_available_unknown(DEPLOYING, "", now);
        }
    }

    fn is_false(&self, r#type: &str) -> bool {
        self.condition(r#type).is_some_and(Condition::is_false)
    }
}

/// Whether the autoscaler gave up before the first scale was reached.
fn missed_initial_scale(scaler: &PodAutoscalerStatus, ready: &Condition) -> bool {
    ready.is_false() && !scaler.is_scale_target_initialized() && !scaler.service_name.is_empty()
}

/// Ready of a Deployment: it makes progress and has no replica failure.
fn deployment_ready(deployment: &DeploymentStatus, now: Timestamp) -> Condition {
    const REPLICA_SET_READY: &str = "ReplicaSetReady";
    const PROGRESSING: &str = "Progressing";
    const SET: ConditionSet = ConditionSet::living(&[PROGRESSING, REPLICA_SET_READY]);

    let mut conditions = Vec::new();
    let mut manager = SET.manage(&mut conditions, now);
    manager.initialize();
    manager.mark_unknown(PROGRESSING, DEPLOYING, "");
    manager.mark_true(REPLICA_SET_READY);
    for condition in deployment.conditions.iter().flatten() {
        match condition.type_.as_deref().unwrap_or_default() {
            "Progressing" => copy(&mut manager, PROGRESSING, condition, false),
            "ReplicaFailure" => copy(&mut manager, REPLICA_SET_READY, condition, true),
            _ => {}
        }
    }
    manager
        .top_level()
        .cloned()
        .unwrap_or_else(|| Condition::new(READY, ConditionStatus::Unknown))
}

fn copy(
    manager: &mut ConditionManager<'_>,
    r#type: &str,
    from: &DeploymentCondition,
    negated: bool,
) {
    let status = match (from.status.as_deref().unwrap_or_default(), negated) {
        ("True", false) | ("False", true) => ConditionStatus::True,
        ("False", false) | ("True", true) => ConditionStatus::False,
        ("Unknown", _) => ConditionStatus::Unknown,
        _ => return,
    };
    let reason = from.reason.clone().unwrap_or_default();
    let message = from.message.clone().unwrap_or_default();
    manager.mirror(r#type, &Condition::new("", status).because(reason, message));
}

/// Reason of [`CONTAINER_HEALTHY`] when a container exited.
pub fn exit_code_reason(exit_code: i32) -> String {
    format!("ExitCode{exit_code}")
}

/// Message of [`CONTAINER_HEALTHY`] when a container exited.
pub fn container_exiting_message(message: &str) -> String {
    format!("Container failed with: {message}")
}

/// Message of [`CONTAINER_MISSING`].
pub fn container_missing_message(image: &str, message: &str) -> String {
    format!("Unable to fetch image {}: {message}", quote(image))
}
