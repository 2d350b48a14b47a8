//! Probes that are left open in part.

use k8s_openapi::api::core::v1::{Container, Probe, TCPSocketAction};

/// The container that serves always gets a readiness probe.
pub(super) fn set_defaults(container: &mut Container, serves: bool) {
    if serves {
        handler(container.readiness_probe.get_or_insert_default());
    }
    if let Some(probe) = &mut container.readiness_probe {
        thresholds(probe);
    }
    [
        &mut container.readiness_probe,
        &mut container.liveness_probe,
        &mut container.startup_probe,
    ]
    .into_iter()
    .flatten()
    .filter_map(|probe| probe.grpc.as_mut())
    .for_each(|grpc| {
        grpc.service.get_or_insert_default();
    });
}

fn handler(probe: &mut Probe) {
    let set = probe.http_get.is_some()
        || probe.tcp_socket.is_some()
        || probe.exec.is_some()
        || probe.grpc.is_some();
    if !set {
        probe.tcp_socket = Some(TCPSocketAction::default());
    }
}

/// A period of 0 asks for Knative's own probing, which has no further thresholds.
fn thresholds(probe: &mut Probe) {
    default_to(&mut probe.success_threshold, 1);
    if probe.period_seconds.unwrap_or_default() != 0 {
        default_to(&mut probe.failure_threshold, 3);
        default_to(&mut probe.timeout_seconds, 1);
    }
}

fn default_to(value: &mut Option<i32>, default: i32) {
    if value.unwrap_or_default() == 0 {
        *value = Some(default);
    }
}
