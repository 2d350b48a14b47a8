//! Admission of Certificates.

use knative_core::admission::FieldErrors;

use super::{Admit, Context};
use crate::api::networking::{Certificate, CertificateSpec};

impl Admit for Certificate {
    fn set_defaults(&mut self, _: &Context<'_, Self>) {}

    fn validate(&self, _: &Context<'_, Self>) -> FieldErrors {
        names(&self.spec)
            .also(secret(&self.spec))
            .also(domain(&self.spec))
            .via_field("spec")
    }
}

fn names(spec: &CertificateSpec) -> FieldErrors {
    if spec.dns_names.is_empty() {
        return FieldErrors::missing_field(["dnsNames"]);
    }
    let empty = spec
        .dns_names
        .iter()
        .enumerate()
        .filter(|(_, name)| name.is_empty());
    empty
        .map(|(index, name)| FieldErrors::invalid_array_value(name, "dnsNames", index))
        .fold(FieldErrors::none(), FieldErrors::also)
}

fn secret(spec: &CertificateSpec) -> FieldErrors {
    if spec.secret_name.is_empty() {
        FieldErrors::missing_field(["secretName"])
    } else {
        FieldErrors::none()
    }
}

/// The domain is a name in the certificate, or one is below it.
fn domain(spec: &CertificateSpec) -> FieldErrors {
    let below = |name: &&String| {
        name.strip_suffix(spec.domain.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    if spec.domain.is_empty()
        || spec.dns_names.is_empty()
        || spec.dns_names.iter().any(|name| below(&name))
    {
        return FieldErrors::none();
    }
    let message = "domain must be a suffix of, or match exactly, at least one entry in dnsNames";
    FieldErrors::invalid_value("domain", message)
}
