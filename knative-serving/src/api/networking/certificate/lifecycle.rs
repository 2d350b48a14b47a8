//! Conditions of a Certificate.

use jiff::Timestamp;
use knative_core::Conditioned;
use knative_core::condition::READY;

use super::{Certificate, CertificateStatus};
use crate::api::lifecycle::{NOT_OWNED, conditioned, not_owned_message};

conditioned!(Certificate, CertificateStatus, []);

impl CertificateStatus {
    /// The certificate can be used.
    pub fn mark_ready(&mut self, now: Timestamp) {
        self.manage(now).mark_true(READY);
    }

    /// The certificate is on its way.
    pub fn mark_not_ready(&mut self, reason: &str, message: &str, now: Timestamp) {
        self.manage(now).mark_unknown(READY, reason, message);
    }

    /// The certificate cannot be had.
    pub fn mark_failed(&mut self, reason: &str, message: &str, now: Timestamp) {
        self.manage(now).mark_false(READY, reason, message);
    }

    /// An object of that name belongs to somebody else.
    pub fn mark_resource_not_owned(&mut self, kind: &str, name: &str, now: Timestamp) {
        self.manage(now)
            .mark_false(READY, NOT_OWNED, not_owned_message(kind, name));
    }
}
