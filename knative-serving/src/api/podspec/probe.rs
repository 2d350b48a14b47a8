//! Probes.

use k8s_openapi::api::core::v1::Probe;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use knative_core::admission::FieldErrors;

/// Checks a probe of the serving container, whose port has the name `port`, or of a sidecar.
///
/// What was found before comes below each later handler that is set, as Knative's paths go.
pub(super) fn validate(probe: Option<&Probe>, port: Option<&str>) -> FieldErrors {
    let Some(probe) = probe else {
        return FieldErrors::none();
    };
    let mut errors = FieldErrors::none();
    let mut handlers = Vec::new();
    if let Some(get) = &probe.http_get {
        handlers.push("httpGet");
        errors = errors
            .via_field("httpGet")
            .also(target(&get.port, "httpGet.port", port));
    }
    if let Some(socket) = &probe.tcp_socket {
        handlers.push("tcpSocket");
        errors = errors
            .via_field("tcpSocket")
            .also(target(&socket.port, "tcpSocket.port", port));
    }
    if probe.exec.is_some() {
        handlers.push("exec");
        errors = errors.via_field("exec");
    }
    if probe.grpc.is_some() {
        handlers.push("gRPC");
        errors = errors.via_field("grpc");
    }
    match handlers.len() {
        0 => errors.also(FieldErrors::missing_one_of([
            "httpGet",
            "tcpSocket",
            "exec",
            "grpc",
        ])),
        1 => errors,
        _ => errors.also(FieldErrors::multiple_one_of(handlers)),
    }
}

/// In the serving container a name must be that of its port, and any number passes; a sidecar has no port to
/// fall back to.
fn target(target: &IntOrString, path: &str, port: Option<&str>) -> FieldErrors {
    let (value, details) = match (target, port) {
        (IntOrString::String(name), Some(port)) if !name.is_empty() && name != port => {
            (name.clone(), "Probe port must match container port")
        }
        (IntOrString::String(name), None) if name.is_empty() => {
            (name.clone(), "Probe port must be specified")
        }
        (IntOrString::Int(0), None) => ("0".to_owned(), "Probe port must be specified"),
        _ => return FieldErrors::none(),
    };
    FieldErrors::invalid_value(value, path).with_details(details)
}

/// The numbers of a readiness probe. A period of 0 asks for Knative's own probing, several times a second until
/// the first success, which has no thresholds.
pub(super) fn readiness(probe: Option<&Probe>, port: Option<&str>) -> FieldErrors {
    let errors = validate(probe, port);
    let Some(probe) = probe else {
        return errors;
    };
    let period = probe.period_seconds.unwrap_or_default();
    let thresholds = if period == 0 {
        no_thresholds(probe)
    } else {
        thresholds(probe)
    };
    errors
        .also(at_least(0, Some(period), "periodSeconds"))
        .also(at_least(
            0,
            probe.initial_delay_seconds,
            "initialDelaySeconds",
        ))
        .also(at_least(1, probe.success_threshold, "successThreshold"))
        .also(thresholds)
}

fn thresholds(probe: &Probe) -> FieldErrors {
    at_least(1, probe.timeout_seconds, "timeoutSeconds").also(at_least(
        1,
        probe.failure_threshold,
        "failureThreshold",
    ))
}

fn no_thresholds(probe: &Probe) -> FieldErrors {
    [
        ("failureThreshold", probe.failure_threshold),
        ("timeoutSeconds", probe.timeout_seconds),
    ]
    .into_iter()
    .filter(|(_, value)| value.unwrap_or_default() != 0)
    .map(|(field, _)| {
        let message = format!("{field} is disallowed when periodSeconds is zero");
        FieldErrors::generic(message, [field])
    })
    .fold(FieldErrors::none(), FieldErrors::also)
}

fn at_least(lowest: i32, value: Option<i32>, field: &str) -> FieldErrors {
    let value = value.unwrap_or_default();
    if value < lowest {
        FieldErrors::out_of_bounds(value, lowest, i32::MAX, field)
    } else {
        FieldErrors::none()
    }
}
