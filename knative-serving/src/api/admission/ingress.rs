//! Admission of Ingresses.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use knative_core::admission::FieldErrors;

use super::{Admit, Context};
use crate::api::networking::ingress::{HTTP_ENABLED, HTTP_REDIRECTED, VISIBILITY_EXTERNAL_IP};
use crate::api::networking::{
    HttpIngressPath, Ingress, IngressBackendSplit, IngressRule, IngressSpec, IngressTls,
};

impl Admit for Ingress {
    /// A rule is for everyone, and a backend that is alone gets all requests.
    fn set_defaults(&mut self, _: &Context<'_, Self>) {
        for rule in &mut self.spec.rules {
            if rule.visibility.is_empty() {
                VISIBILITY_EXTERNAL_IP.clone_into(&mut rule.visibility);
            }
            for path in rule.http.iter_mut().flat_map(|http| &mut http.paths) {
                if let [split] = path.splits.as_mut_slice()
                    && split.percent == 0
                {
                    split.percent = 100;
                }
            }
        }
    }

    fn validate(&self, _: &Context<'_, Self>) -> FieldErrors {
        let namespace = self.metadata.namespace.as_deref().unwrap_or_default();
        spec(&self.spec, namespace).via_field("spec")
    }
}

/// Findings about items, each under its index in `field`.
fn each<T>(field: &str, items: &[T], check: impl Fn(&T) -> FieldErrors) -> FieldErrors {
    let found = items
        .iter()
        .enumerate()
        .map(|(index, item)| check(item).via_field_index(field, index));
    found.fold(FieldErrors::none(), FieldErrors::also)
}

fn missing_if(missing: bool, path: &str) -> FieldErrors {
    if missing {
        FieldErrors::missing_field([path])
    } else {
        FieldErrors::none()
    }
}

fn spec(spec: &IngressSpec, namespace: &str) -> FieldErrors {
    if *spec == IngressSpec::default() {
        return FieldErrors::missing_field([""]);
    }
    let option = match spec.http_option.as_str() {
        "" | HTTP_ENABLED | HTTP_REDIRECTED => FieldErrors::none(),
        other => FieldErrors::invalid_value(other, "httpOption"),
    };
    missing_if(spec.rules.is_empty(), "rules")
        .also(each("rules", &spec.rules, |item| rule(item, namespace)))
        .also(each("tls", &spec.tls, tls))
        .also(option)
}

fn rule(rule: &IngressRule, namespace: &str) -> FieldErrors {
    if *rule == IngressRule::default() {
        return FieldErrors::missing_field([""]);
    }
    match &rule.http {
        None => FieldErrors::missing_field(["http"]),
        Some(http) if http.paths.is_empty() => {
            FieldErrors::missing_field(["paths"]).via_field("http")
        }
        Some(http) => each("paths", &http.paths, |item| path(item, namespace)).via_field("http"),
    }
}

fn path(path: &HttpIngressPath, namespace: &str) -> FieldErrors {
    if *path == HttpIngressPath::default() {
        return FieldErrors::missing_field([""]);
    }
    if path.splits.is_empty() {
        return FieldErrors::missing_field(["splits"]);
    }
    // The first split with a mistake ends the check: the sum would say the same twice.
    for (index, item) in path.splits.iter().enumerate() {
        let found = split(item, namespace);
        if !found.is_empty() {
            return found.via_field_index("splits", index);
        }
    }
    let sum = path
        .splits
        .iter()
        .fold(0_i64, |sum, split| sum.wrapping_add(split.percent));
    if sum == 100 || (sum == 0 && path.splits.len() == 1) {
        return FieldErrors::none();
    }
    FieldErrors::generic(
        format!("traffic split percentage must total to 100, but was {sum}"),
        ["splits"],
    )
}

fn split(split: &IngressBackendSplit, namespace: &str) -> FieldErrors {
    let no_port = split.service_port == IntOrString::Int(0);
    let percent = match split.percent {
        0..=100 => FieldErrors::none(),
        other => FieldErrors::invalid_value(other, "percent"),
    };
    if split.service_namespace.is_empty() && split.service_name.is_empty() && no_port {
        return percent.also(FieldErrors::missing_field([""]));
    }
    let here = match split.service_namespace.as_str() {
        "" => FieldErrors::missing_field(["serviceNamespace"]),
        other if other != namespace => FieldErrors::generic(
            "service namespace must match ingress namespace",
            ["serviceNamespace"],
        ),
        _ => FieldErrors::none(),
    };
    percent
        .also(here)
        .also(missing_if(split.service_name.is_empty(), "serviceName"))
        .also(missing_if(no_port, "servicePort"))
}

fn tls(tls: &IngressTls) -> FieldErrors {
    if *tls == IngressTls::default() {
        return FieldErrors::missing_field([""]);
    }
    missing_if(tls.secret_name.is_empty(), "secretName").also(missing_if(
        tls.secret_namespace.is_empty(),
        "secretNamespace",
    ))
}
