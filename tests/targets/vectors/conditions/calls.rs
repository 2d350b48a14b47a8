//! The recorded function names, and what they are called here.

use jiff::Timestamp;
use knative_serving::api::autoscaling::{MetricStatus, PodAutoscalerStatus};
use knative_serving::api::lifecycle::not_owned_message;
use knative_serving::api::networking::{CertificateStatus, IngressStatus, ServerlessServiceStatus};
use knative_serving::api::revision::lifecycle::{
    container_exiting_message, container_missing_message, exit_code_reason,
};
use knative_serving::api::{
    ConfigurationStatus, DomainMappingStatus, RevisionStatus, RouteStatus, ServiceStatus,
};
use libtest_mimic::Failed;
use serde::de::DeserializeOwned;
use serde_json::Value;

type Done = Result<(), Failed>;

/// One recorded call and the time of it.
pub(super) struct Call<'a> {
    call: &'a Value,
    pub(super) now: Timestamp,
}

impl<'a> Call<'a> {
    pub(super) fn new(call: &'a Value, now: Timestamp) -> Self {
        Self { call, now }
    }

    pub(super) fn name(&self) -> &'a str {
        self.call["fn"].as_str().unwrap_or_default()
    }

    pub(super) fn want(&self) -> Option<&'a Value> {
        self.call.get("want").filter(|want| !want.is_null())
    }

    fn text(&self, index: usize) -> &'a str {
        self.call["args"][index].as_str().unwrap_or_default()
    }

    fn read<T: DeserializeOwned>(&self, index: usize) -> Result<T, Failed> {
        Ok(serde_json::from_value(self.call["args"][index].clone())?)
    }
}

/// Calls the method that a recorded name stands for, with its arguments and the time.
macro_rules! table {
    ($function:ident, $status:ty, $($name:literal => $method:ident($($argument:tt)*)),* $(,)?) => {
        pub(super) fn $function(status: &mut $status, call: &Call<'_>) -> Done {
            match call.name() {
                $($name => table!(@call status, call, $method, $($argument)*),)*
                other => return Err(format!("no function {other}").into()),
            }
            Ok(())
        }
    };
    (@call $status:ident, $call:ident, $method:ident,) => { $status.$method($call.now) };
    (@call $status:ident, $call:ident, $method:ident, text) => {
        $status.$method($call.text(0), $call.now)
    };
    (@call $status:ident, $call:ident, $method:ident, text, text) => {
        $status.$method($call.text(0), $call.text(1), $call.now)
    };
    (@call $status:ident, $call:ident, $method:ident, text, text, text) => {
        $status.$method($call.text(0), $call.text(1), $call.text(2), $call.now)
    };
    (@call $status:ident, $call:ident, $method:ident, object) => {
        $status.$method(&$call.read(0)?, $call.now)
    };
    (@call $status:ident, $call:ident, $method:ident, list, list) => {
        $status.$method($call.read(0)?, $call.read(1)?, $call.now)
    };
}

table!(certificate, CertificateStatus,
    "MarkReady" => mark_ready(),
    "MarkNotReady" => mark_not_ready(text, text),
    "MarkFailed" => mark_failed(text, text),
    "MarkResourceNotOwned" => mark_resource_not_owned(text, text),
);

table!(configuration, ConfigurationStatus,
    "SetLatestCreatedRevisionName" => set_latest_created_revision_name(text),
    "SetLatestReadyRevisionName" => set_latest_ready_revision_name(text),
    "MarkLatestCreatedFailed" => mark_latest_created_failed(text, text),
    "MarkRevisionCreationFailed" => mark_revision_creation_failed(text),
    "MarkLatestReadyDeleted" => mark_latest_ready_deleted(),
);

table!(domain_mapping, DomainMappingStatus,
    "MarkDomainClaimed" => mark_domain_claimed(),
    "MarkDomainClaimNotOwned" => mark_domain_claim_not_owned(),
    "MarkDomainClaimFailed" => mark_domain_claim_failed(text),
    "MarkReferenceResolved" => mark_reference_resolved(),
    "MarkReferenceNotResolved" => mark_reference_not_resolved(text),
    "MarkIngressNotConfigured" => mark_ingress_not_configured(),
    "MarkTargetIngressNotConfigured" => mark_target_ingress_not_configured(text),
    "MarkTargetNotOwned" => mark_target_not_owned(text),
    "PropagateIngressStatus" => propagate_ingress_status(object),
    "MarkTLSNotEnabled" => mark_tls_not_enabled(text),
    "MarkCertificateNotRequired" => mark_certificate_not_required(text),
    "MarkCertificateReady" => mark_certificate_ready(),
    "MarkCertificateNotReady" => mark_certificate_not_ready(text),
    "MarkCertificateNotOwned" => mark_certificate_not_owned(text),
    "MarkCertificateProvisionFailed" => mark_certificate_provision_failed(text),
    "MarkHTTPDowngrade" => mark_http_downgrade(text),
);

table!(ingress, IngressStatus,
    "MarkNetworkConfigured" => mark_network_configured(),
    "MarkResourceNotOwned" => mark_resource_not_owned(text, text),
    "MarkLoadBalancerReady" => mark_load_balancer_ready(list, list),
    "MarkLoadBalancerNotReady" => mark_load_balancer_not_ready(),
    "MarkLoadBalancerFailed" => mark_load_balancer_failed(text, text),
    "MarkIngressNotReady" => mark_ingress_not_ready(text, text),
);

table!(metric, MetricStatus,
    "MarkMetricReady" => mark_metric_ready(),
    "MarkMetricNotReady" => mark_metric_not_ready(text, text),
    "MarkMetricFailed" => mark_metric_failed(text, text),
);

table!(pod_autoscaler, PodAutoscalerStatus,
    "MarkActive" => mark_active(),
    "MarkActivating" => mark_activating(text, text),
    "MarkInactive" => mark_inactive(text, text),
    "MarkScaleTargetInitialized" => mark_scale_target_initialized(),
    "MarkSKSReady" => mark_sks_ready(),
    "MarkSKSNotReady" => mark_sks_not_ready(text),
    "MarkResourceNotOwned" => mark_resource_not_owned(text, text),
    "MarkResourceFailedCreation" => mark_resource_failed_creation(text, text),
);

table!(revision, RevisionStatus,
    "MarkActiveTrue" => mark_active_true(),
    "MarkActiveFalse" => mark_active_false(text, text),
    "MarkActiveUnknown" => mark_active_unknown(text, text),
    "MarkContainerHealthyTrue" => mark_container_healthy_true(),
    "MarkContainerHealthyFalse" => mark_container_healthy_false(text, text),
    "MarkContainerHealthyUnknown" => mark_container_healthy_unknown(text, text),
    "MarkResourcesAvailableTrue" => mark_resources_available_true(),
    "MarkResourcesAvailableFalse" => mark_resources_available_false(text, text),
    "MarkResourcesAvailableUnknown" => mark_resources_available_unknown(text, text),
    "PropagateDeploymentStatus" => propagate_deployment_status(object),
    "PropagateAutoscalerStatus" => propagate_autoscaler_status(object),
);

table!(route, RouteStatus,
    "MarkTrafficAssigned" => mark_traffic_assigned(),
    "MarkUnknownTrafficError" => mark_unknown_traffic_error(text),
    "MarkRevisionTargetTrafficError" => mark_revision_target_traffic_error(text, text),
    "MarkConfigurationNotReady" => mark_configuration_not_ready(text),
    "MarkConfigurationFailed" => mark_configuration_failed(text),
    "MarkRevisionNotReady" => mark_revision_not_ready(text),
    "MarkRevisionFailed" => mark_revision_failed(text),
    "MarkRevisionNotOwned" => mark_revision_not_owned(text, text, text),
    "MarkMissingTrafficTarget" => mark_missing_traffic_target(text, text),
    "MarkServiceNotOwned" => mark_service_not_owned(text),
    "MarkEndpointNotOwned" => mark_endpoint_not_owned(text),
    "MarkIngressNotConfigured" => mark_ingress_not_configured(),
    "MarkIngressRolloutInProgress" => mark_ingress_rollout_in_progress(),
    "PropagateIngressStatus" => propagate_ingress_status(object),
    "MarkCertificateReady" => mark_certificate_ready(),
    "MarkCertificateNotReady" => mark_certificate_not_ready(object),
    "MarkCertificateProvisionFailed" => mark_certificate_provision_failed(object),
    "MarkCertificateNotOwned" => mark_certificate_not_owned(text),
    "MarkTLSNotEnabled" => mark_tls_not_enabled(text),
    "MarkHTTPDowngrade" => mark_http_downgrade(text),
);

table!(serverless_service, ServerlessServiceStatus,
    "MarkEndpointsReady" => mark_endpoints_ready(),
    "MarkEndpointsNotReady" => mark_endpoints_not_ready(text),
    "MarkEndpointsNotOwned" => mark_endpoints_not_owned(text, text),
    "MarkActivatorEndpointsPopulated" => mark_activator_endpoints_populated(),
    "MarkActivatorEndpointsRemoved" => mark_activator_endpoints_removed(),
);

table!(service, ServiceStatus,
    "MarkConfigurationNotOwned" => mark_configuration_not_owned(text),
    "MarkConfigurationNotReconciled" => mark_configuration_not_reconciled(),
    "MarkRouteNotOwned" => mark_route_not_owned(text),
    "MarkRouteNotReconciled" => mark_route_not_reconciled(),
    "MarkRouteNotYetReady" => mark_route_not_yet_ready(),
    "MarkRevisionNameTaken" => mark_revision_name_taken(text),
    "PropagateConfigurationStatus" => propagate_configuration_status(object),
    "PropagateRouteStatus" => propagate_route_status(object),
);

/// Helpers that only build a text.
pub(super) fn text(case: &Value) -> Done {
    let call = Call::new(case, Timestamp::UNIX_EPOCH);
    let got = match call.name() {
        "ResourceNotOwnedMessage" => not_owned_message(call.text(0), call.text(1)),
        "ExitCodeReason" => exit_code_reason(call.read(0)?),
        "RevisionContainerExitingMessage" => container_exiting_message(call.text(0)),
        "RevisionContainerMissingMessage" => container_missing_message(call.text(0), call.text(1)),
        other => return Err(format!("no function {other}").into()),
    };
    if case["want"] == got.as_str() {
        return Ok(());
    }
    Err(format!("{got:?}, want {}", case["want"]).into())
}
