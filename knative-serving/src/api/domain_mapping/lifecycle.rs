//! Conditions of a `DomainMapping`.

use jiff::Timestamp;
use knative_core::Conditioned;

use super::{DomainMapping, DomainMappingStatus};
use crate::api::lifecycle::{NOT_OWNED, conditioned};
use crate::api::networking::IngressStatus;

/// Condition: the domain belongs to this namespace.
pub const DOMAIN_CLAIMED: &str = "DomainClaimed";
/// Condition: the reference leads to an address.
pub const REFERENCE_RESOLVED: &str = "ReferenceResolved";
/// Condition: the Ingress is ready.
pub const INGRESS_READY: &str = "IngressReady";
/// Condition: the certificate is there, or not needed.
pub const CERTIFICATE_PROVISIONED: &str = "CertificateProvisioned";

/// Message of `TLSNotEnabled`: certificates for external domains are switched off.
pub const TLS_NOT_ENABLED: &str = "external-domain-tls is not enabled";
/// Message of `CertificateExternallyProvided`.
pub const CERTIFICATE_PROVIDED_EXTERNALLY: &str = "TLS certificate was provided externally";

const INGRESS_NOT_CONFIGURED: &str = "IngressNotConfigured";

conditioned!(
    DomainMapping,
    DomainMappingStatus,
    [
        DOMAIN_CLAIMED,
        REFERENCE_RESOLVED,
        INGRESS_READY,
        CERTIFICATE_PROVISIONED
    ]
);

/// How the domain and the reference fare.
impl DomainMappingStatus {
    /// The domain belongs to this namespace.
    pub fn mark_domain_claimed(&mut self, now: Timestamp) {
        self.manage(now).mark_true(DOMAIN_CLAIMED);
    }

    /// The domain belongs to another namespace.
    pub fn mark_domain_claim_not_owned(&mut self, now: Timestamp) {
        let message = "The domain name is already in use by another DomainMapping";
        self.manage(now)
            .mark_false(DOMAIN_CLAIMED, "DomainAlreadyClaimed", message);
    }

    /// The domain could not be claimed.
    pub fn mark_domain_claim_failed(&mut self, message: &str, now: Timestamp) {
        self.manage(now)
            .mark_false(DOMAIN_CLAIMED, "DomainClaimFailed", message);
    }

    /// The reference leads to an address.
    pub fn mark_reference_resolved(&mut self, now: Timestamp) {
        self.manage(now).mark_true(REFERENCE_RESOLVED);
    }

    /// The reference leads nowhere.
    pub fn mark_reference_not_resolved(&mut self, message: &str, now: Timestamp) {
        self.manage(now)
            .mark_false(REFERENCE_RESOLVED, "ResolveFailed", message);
    }
}

/// How the Ingress fares.
impl DomainMappingStatus {
    /// Nobody looked at the Ingress yet.
    pub fn mark_ingress_not_configured(&mut self, now: Timestamp) {
        self.manage(now).mark_unknown(
            INGRESS_READY,
            INGRESS_NOT_CONFIGURED,
            "Ingress has not yet been reconciled.",
        );
    }

    /// Nobody looked at the Ingress of the target yet.
    pub fn mark_target_ingress_not_configured(&mut self, message: &str, now: Timestamp) {
        self.manage(now)
            .mark_unknown(INGRESS_READY, INGRESS_NOT_CONFIGURED, message);
    }

    /// The target belongs to somebody else.
    pub fn mark_target_not_owned(&mut self, message: &str, now: Timestamp) {
        self.manage(now)
            .mark_false(INGRESS_READY, NOT_OWNED, message);
    }

    /// Takes over readiness from the Ingress.
    pub fn propagate_ingress_status(&mut self, from: &IngressStatus, now: Timestamp) {
        match from.top_level() {
            Some(ready) => self.manage(now).mirror(INGRESS_READY, ready),
            None => self.mark_ingress_not_configured(now),
        }
    }
}

/// How the certificate fares.
impl DomainMappingStatus {
    /// No certificate is wanted.
    pub fn mark_tls_not_enabled(&mut self, message: &str, now: Timestamp) {
        self.manage(now)
            .mark_true_with_reason(CERTIFICATE_PROVISIONED, "TLSNotEnabled", message);
    }

    /// The user brought a certificate.
    pub fn mark_certificate_not_required(&mut self, message: &str, now: Timestamp) {
        let reason = "CertificateExternallyProvided";
        self.manage(now)
            .mark_true_with_reason(CERTIFICATE_PROVISIONED, reason, message);
    }

    /// The certificate is there.
    pub fn mark_certificate_ready(&mut self, now: Timestamp) {
        self.manage(now).mark_true(CERTIFICATE_PROVISIONED);
    }

    /// The certificate is on its way.
    pub fn mark_certificate_not_ready(&mut self, name: &str, now: Timestamp) {
        let message = format!("Certificate {name} is not ready.");
        self.manage(now)
            .mark_unknown(CERTIFICATE_PROVISIONED, "CertificateNotReady", message);
    }

    /// A Certificate of that name belongs to somebody else.
    pub fn mark_certificate_not_owned(&mut self, name: &str, now: Timestamp) {
        let message = format!("There is an existing certificate {name} that we don't own.");
        self.manage(now)
            .mark_false(CERTIFICATE_PROVISIONED, "CertificateNotOwned", message);
    }

    /// The certificate cannot be had.
    pub fn mark_certificate_provision_failed(&mut self, name: &str, now: Timestamp) {
        let message = format!("Certificate {name} failed to be provisioned.");
        self.manage(now).mark_false(
            CERTIFICATE_PROVISIONED,
            "CertificateProvisionFailed",
            message,
        );
    }

    /// The certificate is not there yet, and plain HTTP is served meanwhile.
    pub fn mark_http_downgrade(&mut self, name: &str, now: Timestamp) {
        let message = format!("Certificate {name} is not ready downgrade HTTP.");
        self.manage(now)
            .mark_true_with_reason(CERTIFICATE_PROVISIONED, "HTTPDowngrade", message);
    }
}
