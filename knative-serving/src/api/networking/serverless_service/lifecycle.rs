//! Conditions of a `ServerlessService`.

use jiff::{SignedDuration, Timestamp};
use knative_core::{Condition, ConditionSeverity, ConditionStatus, Conditioned};

use super::{ServerlessService, ServerlessServiceStatus};
use crate::api::lifecycle::{NOT_OWNED, conditioned};

/// Condition: there are instances to send requests to.
pub const ENDPOINTS_POPULATED: &str = "EndpointsPopulated";
/// Condition: requests are buffered before they reach an instance. Does not decide readiness.
pub const ACTIVATOR_ENDPOINTS_POPULATED: &str = "ActivatorEndpointsPopulated";

conditioned!(
    ServerlessService,
    ServerlessServiceStatus,
    [ENDPOINTS_POPULATED]
);

impl ServerlessServiceStatus {
    /// There are instances.
    pub fn mark_endpoints_ready(&mut self, now: Timestamp) {
        self.manage(now).mark_true(ENDPOINTS_POPULATED);
    }

    /// There are no instances yet.
    pub fn mark_endpoints_not_ready(&mut self, reason: &str, now: Timestamp) {
        self.manage(now)
            .mark_unknown(ENDPOINTS_POPULATED, reason, "K8s Service is not ready");
    }

    /// An object of that name belongs to somebody else.
    pub fn mark_endpoints_not_owned(&mut self, kind: &str, name: &str, now: Timestamp) {
        let message = format!("Resource {name} of type {kind} is not owned by SKS");
        self.manage(now)
            .mark_false(ENDPOINTS_POPULATED, NOT_OWNED, message);
    }

    /// Requests are buffered from now on.
    pub fn mark_activator_endpoints_populated(&mut self, now: Timestamp) {
        self.mark_activator(ConditionStatus::True, now);
    }

    /// Requests reach instances directly from now on.
    pub fn mark_activator_endpoints_removed(&mut self, now: Timestamp) {
        self.mark_activator(ConditionStatus::False, now);
    }

    /// How long requests have been buffered; zero if they are not.
    pub fn proxy_for(&self, now: Timestamp) -> SignedDuration {
        self.condition(ACTIVATOR_ENDPOINTS_POPULATED)
            .filter(|condition| condition.is_true())
            .and_then(|condition| condition.last_transition_time)
            .map_or(SignedDuration::ZERO, |since| now.duration_since(since))
    }

    /// Knative uses one message for both.
    fn mark_activator(&mut self, status: ConditionStatus, now: Timestamp) {
        let condition = Condition::new(ACTIVATOR_ENDPOINTS_POPULATED, status).because(
            ACTIVATOR_ENDPOINTS_POPULATED,
            "Revision is backed by Activator",
        );
        let severity = Some(ConditionSeverity::Info);
        self.manage(now).set(Condition {
            severity,
            ..condition
        });
    }
}
