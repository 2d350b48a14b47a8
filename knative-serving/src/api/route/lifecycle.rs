//! Conditions of a Route.

use jiff::Timestamp;
use knative_core::object::quote;
use knative_core::{Condition, Conditioned};

use super::{Route, RouteStatus};
use crate::api::lifecycle::{NOT_OWNED, conditioned};
use crate::api::networking::{Certificate, IngressStatus};

/// Condition: every target of the spec is resolved to a ready Revision.
pub const ALL_TRAFFIC_ASSIGNED: &str = "AllTrafficAssigned";
/// Condition: the Ingress is ready.
pub const INGRESS_READY: &str = "IngressReady";
/// Condition: certificates are there, or not needed.
pub const CERTIFICATE_PROVISIONED: &str = "CertificateProvisioned";

/// Message of `TLSNotEnabled`: certificates for external domains are switched off.
pub const EXTERNAL_DOMAIN_TLS_NOT_ENABLED: &str = "external-domain-tls is not enabled";
/// Message of `TLSNotEnabled`: the domain is local to the cluster.
pub const TLS_NOT_ENABLED_FOR_CLUSTER_LOCAL: &str = "TLS is not enabled for cluster-local";

const REVISION_MISSING: &str = "RevisionMissing";

conditioned!(
    Route,
    RouteStatus,
    [ALL_TRAFFIC_ASSIGNED, INGRESS_READY, CERTIFICATE_PROVISIONED]
);

/// How traffic targets fare.
impl RouteStatus {
    /// Every target is resolved.
    pub fn mark_traffic_assigned(&mut self, now: Timestamp) {
        self.manage(now).mark_true(ALL_TRAFFIC_ASSIGNED);
    }

    /// Targets could not be resolved for a reason outside of them.
    pub fn mark_unknown_traffic_error(&mut self, message: &str, now: Timestamp) {
        self.manage(now)
            .mark_unknown(ALL_TRAFFIC_ASSIGNED, "Unknown", message);
    }

    /// A Revision that is a target cannot be used.
    pub fn mark_revision_target_traffic_error(
        &mut self,
        reason: &str,
        message: &str,
        now: Timestamp,
    ) {
        self.manage(now)
            .mark_false(ALL_TRAFFIC_ASSIGNED, reason, message);
    }

    /// A Configuration has no ready Revision yet.
    pub fn mark_configuration_not_ready(&mut self, name: &str, now: Timestamp) {
        let message = format!(
            "Configuration {} is waiting for a Revision to become ready.",
            quote(name)
        );
        self.manage(now)
            .mark_unknown(ALL_TRAFFIC_ASSIGNED, REVISION_MISSING, message);
    }

    /// A Configuration failed and has no ready Revision.
    pub fn mark_configuration_failed(&mut self, name: &str, now: Timestamp) {
        let message = format!(
            "Configuration {} does not have any ready Revision.",
            quote(name)
        );
        self.manage(now)
            .mark_false(ALL_TRAFFIC_ASSIGNED, REVISION_MISSING, message);
    }

    /// A Revision is not ready yet.
    pub fn mark_revision_not_ready(&mut self, name: &str, now: Timestamp) {
        let message = format!("Revision {} is not yet ready.", quote(name));
        self.manage(now)
            .mark_unknown(ALL_TRAFFIC_ASSIGNED, REVISION_MISSING, message);
    }

    /// A Revision failed.
    pub fn mark_revision_failed(&mut self, name: &str, now: Timestamp) {
        let message = format!("Revision {} failed to become ready.", quote(name));
        self.manage(now)
            .mark_false(ALL_TRAFFIC_ASSIGNED, REVISION_MISSING, message);
    }

    /// A Revision belongs to `owner`, or to no Service if that is empty, and not to the Service of this Route.
    pub fn mark_revision_not_owned(
        &mut self,
        name: &str,
        service: &str,
        owner: &str,
        now: Timestamp,
    ) {
        let message = format!("{}.", revision_not_owned_message(name, service, owner));
        self.manage(now)
            .mark_false(ALL_TRAFFIC_ASSIGNED, "RevisionNotOwned", message);
    }

    /// A target does not exist.
    pub fn mark_missing_traffic_target(&mut self, kind: &str, name: &str, now: Timestamp) {
        let message = format!("{kind} {} referenced in traffic not found.", quote(name));
        self.manage(now)
            .mark_false(ALL_TRAFFIC_ASSIGNED, format!("{kind}Missing"), message);
    }
}

/// How the Ingress and what is around it fare.
impl RouteStatus {
    /// A placeholder Service of that name belongs to somebody else.
    pub fn mark_service_not_owned(&mut self, name: &str, now: Timestamp) {
        self.mark_placeholder_not_owned("Service", name, now);
    }

    /// An Endpoints object of that name belongs to somebody else.
    pub fn mark_endpoint_not_owned(&mut self, name: &str, now: Timestamp) {
        self.mark_placeholder_not_owned("Endpoint", name, now);
    }

    fn mark_placeholder_not_owned(&mut self, kind: &str, name: &str, now: Timestamp) {
        let message = format!(
            "There is an existing placeholder {kind} {} that we do not own.",
            quote(name)
        );
        self.manage(now)
            .mark_false(INGRESS_READY, NOT_OWNED, message);
    }

    /// Traffic moves to the latest Revision step by step.
    pub fn mark_ingress_rollout_in_progress(&mut self, now: Timestamp) {
        self.manage(now).mark_unknown(
            INGRESS_READY,
            "RolloutInProgress",
            "A gradual rollout of the latest revision(s) is in progress.",
        );
    }

    /// Nobody looked at the current Ingress yet.
    pub fn mark_ingress_not_configured(&mut self, now: Timestamp) {
        self.manage(now).mark_unknown(
            INGRESS_READY,
            "IngressNotConfigured",
            "Ingress has not yet been reconciled.",
        );
    }

    /// Takes over readiness from the Ingress.
    pub fn propagate_ingress_status(&mut self, from: &IngressStatus, now: Timestamp) {
        match from.top_level() {
            Some(ready) => self.manage(now).mirror(INGRESS_READY, ready),
            None => self.mark_ingress_not_configured(now),
        }
    }
}

/// How certificates fare.
impl RouteStatus {
    /// The certificate is there.
    pub fn mark_certificate_ready(&mut self, now: Timestamp) {
        self.manage(now).mark_true(CERTIFICATE_PROVISIONED);
    }

    /// The certificate is on its way.
    pub fn mark_certificate_not_ready(&mut self, certificate: &Certificate, now: Timestamp) {
        let (name, reason) = name_and_reason(certificate);
        let message = format!("Certificate {name} is not ready: {reason}");
        self.manage(now)
            .mark_unknown(CERTIFICATE_PROVISIONED, "CertificateNotReady", message);
    }

    /// The certificate cannot be had.
    pub fn mark_certificate_provision_failed(&mut self, certificate: &Certificate, now: Timestamp) {
        let (name, reason) = name_and_reason(certificate);
        let message = format!("Certificate {name} fails to be provisioned: {reason}");
        self.manage(now).mark_false(
            CERTIFICATE_PROVISIONED,
            "CertificateProvisionFailed",
            message,
        );
    }

    /// A Certificate of that name belongs to somebody else.
    pub fn mark_certificate_not_owned(&mut self, name: &str, now: Timestamp) {
        let message = format!("There is an existing certificate {name} that we don't own.");
        self.manage(now)
            .mark_false(CERTIFICATE_PROVISIONED, "CertificateNotOwned", message);
    }

    /// No certificate is needed.
    pub fn mark_tls_not_enabled(&mut self, message: &str, now: Timestamp) {
        self.manage(now)
            .mark_true_with_reason(CERTIFICATE_PROVISIONED, "TLSNotEnabled", message);
    }

    /// The certificate is not there yet, and plain HTTP is served meanwhile.
    pub fn mark_http_downgrade(&mut self, name: &str, now: Timestamp) {
        let message = format!("Certificate {name} is not ready downgrade HTTP.");
        self.manage(now)
            .mark_true_with_reason(CERTIFICATE_PROVISIONED, "HTTPDowngrade", message);
    }
}

/// Says that a Revision cannot be a target of a Route of `service`, as it belongs to `owner` or nobody.
pub(crate) fn revision_not_owned_message(name: &str, service: &str, owner: &str) -> String {
    let (name, service) = (quote(name), quote(service));
    if owner.is_empty() {
        return format!("Revision {name} does not belong to Service {service}");
    }
    format!(
        "Revision {name} belongs to Service {}, not Service {service}",
        quote(owner)
    )
}

fn name_and_reason(certificate: &Certificate) -> (&str, &str) {
    let ready: Option<&Condition> = certificate.status.as_ref().and_then(Conditioned::top_level);
    (
        certificate.metadata.name.as_deref().unwrap_or_default(),
        ready.map_or("", |ready| ready.reason.as_str()),
    )
}
