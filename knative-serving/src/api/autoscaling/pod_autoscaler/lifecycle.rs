//! Conditions of a `PodAutoscaler`.

use jiff::{SignedDuration, Timestamp};
use knative_core::object::quote;
use knative_core::{Condition, ConditionStatus, Conditioned};

use super::{PodAutoscaler, PodAutoscalerStatus};
use crate::api::lifecycle::{NOT_OWNED, conditioned, not_owned_message};

/// Condition: the target has instances.
pub const ACTIVE: &str = "Active";
/// Condition: the target reached its first scale once.
pub const SCALE_TARGET_INITIALIZED: &str = "ScaleTargetInitialized";
/// Condition: the `ServerlessService` is ready.
pub const SKS_READY: &str = "SKSReady";

/// Reason of [`ACTIVE`]: scaled to zero.
pub const NO_TRAFFIC: &str = "NoTraffic";
/// Message of [`NO_TRAFFIC`].
pub const NO_TRAFFIC_MESSAGE: &str = "The target is not receiving traffic.";
/// Reason of [`ACTIVE`]: instances are starting.
pub const QUEUED: &str = "Queued";
/// Message of [`QUEUED`].
pub const QUEUED_MESSAGE: &str =
    "Requests to the target are being buffered as resources are provisioned.";
/// Reason of [`ACTIVE`]: instances did not start in time.
pub const TIMED_OUT: &str = "TimedOut";
/// Message of [`TIMED_OUT`].
pub const TIMED_OUT_MESSAGE: &str = "The target could not be activated.";

conditioned!(
    PodAutoscaler,
    PodAutoscalerStatus,
    [ACTIVE, SCALE_TARGET_INITIALIZED, SKS_READY]
);

/// Marks.
impl PodAutoscalerStatus {
    /// The target has instances.
    pub fn mark_active(&mut self, now: Timestamp) {
        self.manage(now).mark_true(ACTIVE);
    }

    /// The target is on its way from zero.
    pub fn mark_activating(&mut self, reason: &str, message: &str, now: Timestamp) {
        self.manage(now).mark_unknown(ACTIVE, reason, message);
    }

    /// The target is at zero, or cannot be scaled.
    pub fn mark_inactive(&mut self, reason: &str, message: &str, now: Timestamp) {
        self.manage(now).mark_false(ACTIVE, reason, message);
    }

    /// The target reached its first scale.
    pub fn mark_scale_target_initialized(&mut self, now: Timestamp) {
        self.manage(now).mark_true(SCALE_TARGET_INITIALIZED);
    }

    /// The `ServerlessService` is ready.
    pub fn mark_sks_ready(&mut self, now: Timestamp) {
        self.manage(now).mark_true(SKS_READY);
    }

    /// The `ServerlessService` is not ready.
    pub fn mark_sks_not_ready(&mut self, message: &str, now: Timestamp) {
        self.manage(now)
            .mark_unknown(SKS_READY, "NotReady", message);
    }

    /// An object of that name belongs to somebody else.
    pub fn mark_resource_not_owned(&mut self, kind: &str, name: &str, now: Timestamp) {
        self.mark_inactive(NOT_OWNED, &not_owned_message(kind, name), now);
    }

    /// An object could not be created.
    pub fn mark_resource_failed_creation(&mut self, kind: &str, name: &str, now: Timestamp) {
        let message = format!("Failed to create {kind} {}.", quote(name));
        self.mark_inactive("FailedCreate", &message, now);
    }
}

/// Questions.
impl PodAutoscalerStatus {
    /// Whether the target has instances.
    pub fn is_active(&self) -> bool {
        self.condition(ACTIVE).is_some_and(Condition::is_true)
    }

    /// Whether the target is on its way from zero.
    pub fn is_activating(&self) -> bool {
        self.condition(ACTIVE).is_some_and(Condition::is_unknown)
    }

    /// Whether the target is at zero.
    pub fn is_inactive(&self) -> bool {
        self.condition(ACTIVE).is_some_and(Condition::is_false)
    }

    /// Whether the target reached its first scale once.
    pub fn is_scale_target_initialized(&self) -> bool {
        self.condition(SCALE_TARGET_INITIALIZED)
            .is_some_and(Condition::is_true)
    }

    /// How long the target has had instances; `None` if it has none.
    pub fn active_for(&self, now: Timestamp) -> Option<SignedDuration> {
        self.in_status_for(ConditionStatus::True, now)
    }

    /// How long the target has been at zero; `None` if it is not.
    pub fn inactive_for(&self, now: Timestamp) -> Option<SignedDuration> {
        self.in_status_for(ConditionStatus::False, now)
    }

    /// How long the target has been on its way from zero; `None` if it is not.
    pub fn activating_for(&self, now: Timestamp) -> Option<SignedDuration> {
        self.in_status_for(ConditionStatus::Unknown, now)
    }

    /// Whether the target has been at zero for the grace period.
    pub fn can_scale_to_zero(&self, now: Timestamp, grace: SignedDuration) -> bool {
        self.inactive_for(now)
            .is_some_and(|duration| duration >= grace)
    }

    /// Whether the target has been on its way from zero for longer than `deadline`.
    pub fn can_fail_activation(&self, now: Timestamp, deadline: SignedDuration) -> bool {
        self.activating_for(now)
            .is_some_and(|duration| duration > deadline)
    }

    /// Instances wanted, or -1 when that was never said.
    pub fn desired_scale_or_unset(&self) -> i32 {
        self.desired_scale.unwrap_or(-1)
    }

    /// Instances ready, or -1 when that was never said.
    pub fn actual_scale_or_unset(&self) -> i32 {
        self.actual_scale.unwrap_or(-1)
    }

    fn in_status_for(&self, status: ConditionStatus, now: Timestamp) -> Option<SignedDuration> {
        let active = self
            .condition(ACTIVE)
            .filter(|active| active.status == status)?;
        Some(now.duration_since(active.last_transition_time.unwrap_or(Timestamp::UNIX_EPOCH)))
    }
}
