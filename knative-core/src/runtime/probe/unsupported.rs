//! Which probes cannot be put. Pure.

use k8s_openapi::api::core::v1::{Container, PodTemplateSpec, Probe};

use crate::runtime::Unsupported;

/// Names the probes of a template that [`Prober`](super::Prober) cannot put.
pub(crate) fn unsupported(template: &PodTemplateSpec) -> Vec<Unsupported> {
    let containers = template.spec.iter().flat_map(|spec| &spec.containers);
    let all = containers.enumerate().flat_map(|(index, container)| {
        probes(container).map(move |(name, probe)| (index, name, probe))
    });
    let https = all.filter(|(_, _, probe)| is_https(probe));
    https
        .map(|(index, name, _)| {
            Unsupported::refused(
                format!("spec.containers[{index}].{name}.httpGet.scheme"),
                "probes are sent as plain HTTP",
            )
        })
        .collect()
}

fn probes(container: &Container) -> impl Iterator<Item = (&'static str, &Probe)> {
    let all = [
        ("readinessProbe", &container.readiness_probe),
        ("livenessProbe", &container.liveness_probe),
        ("startupProbe", &container.startup_probe),
    ];
    all.into_iter()
        .filter_map(|(name, probe)| Some((name, probe.as_ref()?)))
}

fn is_https(probe: &Probe) -> bool {
    let scheme = probe
        .http_get
        .as_ref()
        .and_then(|get| get.scheme.as_deref());
    scheme == Some("HTTPS")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn probes_by_tls_are_named() {
        let probe = |scheme: &str| json!({ "httpGet": { "port": 0, "scheme": scheme } });
        let template = serde_json::from_value(json!({ "spec": { "containers": [
            { "name": "a", "readinessProbe": probe("HTTP") },
            { "name": "b", "livenessProbe": probe("HTTPS") },
        ]}}));
        let found = unsupported(&template.unwrap());
        let fields: Vec<&str> = found.iter().map(|found| found.field.as_str()).collect();
        assert_eq!(fields, ["spec.containers[1].livenessProbe.httpGet.scheme"]);
    }
}
