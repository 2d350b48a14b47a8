//! Admission of kind `DomainMapping`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::admission::FieldErrors;
use knative_core::object::name::{aggregate, fully_qualified_domain_name};
use knative_core::object::quote;

use super::modifier::{self, Change};
use super::{Admit, Context, defaulted_old, reference};
use crate::api::DomainMapping;

impl Admit for DomainMapping {
    fn set_defaults(&mut self, context: &Context<'_, Self>) {
        reference::set_defaults(&mut self.spec.r#ref, &self.metadata);
        let same = defaulted_old(context).map(|old| old.spec == self.spec);
        modifier::note(&mut self.metadata, context.user, Change::of(same));
    }

    fn validate(&self, context: &Context<'_, Self>) -> FieldErrors {
        let mut metadata = name(&self.metadata, &context.config.cluster_domain);
        if let Some(old) = context.old() {
            let same = old.spec == self.spec;
            let found = modifier::validate(&old.metadata, &self.metadata, same);
            metadata.push(found.via_field("annotations"));
        }
        let reference = reference::validate(&self.spec.r#ref, &self.metadata);
        metadata
            .via_field("metadata")
            .also(reference.via_field("spec.ref"))
    }
}

/// The name is the domain, outside of the cluster's own.
fn name(metadata: &ObjectMeta, cluster_domain: &str) -> FieldErrors {
    let name = metadata.name.as_deref().unwrap_or_default();
    let mut errors = FieldErrors::none();
    if metadata
        .generate_name
        .as_deref()
        .is_some_and(|prefix| !prefix.is_empty())
    {
        errors.push(FieldErrors::disallowed_fields(["generateName"]));
    }
    let wrong = fully_qualified_domain_name("name", name);
    if !wrong.is_empty() {
        let message = format!("invalid name {}: {}", quote(name), aggregate(&wrong));
        errors.push(FieldErrors::generic(message, ["name"]));
    }
    if name.ends_with(&format!(".{cluster_domain}")) {
        let message = format!(
            "invalid name {}: must not be a subdomain of cluster local domain {}",
            quote(name),
            quote(cluster_domain)
        );
        errors.push(FieldErrors::generic(message, ["name"]));
    }
    errors
}
