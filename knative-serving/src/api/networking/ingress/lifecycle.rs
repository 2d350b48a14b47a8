//! Conditions of an Ingress.

use jiff::Timestamp;
use knative_core::Conditioned;
use knative_core::condition::READY;

use super::{Ingress, IngressStatus, LoadBalancerIngressStatus, LoadBalancerStatus};
use crate::api::lifecycle::{NOT_OWNED, conditioned, not_owned_message};

/// Condition: the rules are in place.
pub const NETWORK_CONFIGURED: &str = "NetworkConfigured";
/// Condition: the load balancer serves them.
pub const LOAD_BALANCER_READY: &str = "LoadBalancerReady";

conditioned!(
    Ingress,
    IngressStatus,
    [NETWORK_CONFIGURED, LOAD_BALANCER_READY]
);

impl IngressStatus {
    /// The rules are in place.
    pub fn mark_network_configured(&mut self, now: Timestamp) {
        self.manage(now).mark_true(NETWORK_CONFIGURED);
    }

    /// An object of that name belongs to somebody else.
    pub fn mark_resource_not_owned(&mut self, kind: &str, name: &str, now: Timestamp) {
        let message = not_owned_message(kind, name);
        self.manage(now)
            .mark_false(NETWORK_CONFIGURED, NOT_OWNED, message);
    }

    /// The load balancer serves the rules at these addresses.
    pub fn mark_load_balancer_ready(
        &mut self,
        public: Vec<LoadBalancerIngressStatus>,
        private: Vec<LoadBalancerIngressStatus>,
        now: Timestamp,
    ) {
        self.public_load_balancer = Some(LoadBalancerStatus { ingress: public });
        self.private_load_balancer = Some(LoadBalancerStatus { ingress: private });
        self.manage(now).mark_true(LOAD_BALANCER_READY);
    }

    /// The load balancer does not serve the rules yet.
    pub fn mark_load_balancer_not_ready(&mut self, now: Timestamp) {
        self.manage(now).mark_unknown(
            LOAD_BALANCER_READY,
            "Uninitialized",
            "Waiting for load balancer to be ready",
        );
    }

    /// The load balancer cannot serve the rules.
    pub fn mark_load_balancer_failed(&mut self, reason: &str, message: &str, now: Timestamp) {
        self.manage(now)
            .mark_false(LOAD_BALANCER_READY, reason, message);
    }

    /// The Ingress as a whole is not ready yet.
    pub fn mark_ingress_not_ready(&mut self, reason: &str, message: &str, now: Timestamp) {
        self.manage(now).mark_unknown(READY, reason, message);
    }
}
