//! Admission of Configurations.

use k8s_openapi::api::core::v1::PodSpec;
use knative_core::admission::FieldErrors;

use super::metadata::{is_owned, name, no_autoscaling, owner_label};
use super::modifier::{self, Change};
use super::{Admit, Context, defaulted_old, template};
use crate::api::Configuration;
use crate::api::keys::serving;
use crate::api::podspec::Site;

impl Admit for Configuration {
    fn set_defaults(&mut self, context: &Context<'_, Self>) {
        let old = defaulted_old(context);
        let site = Site {
            parent: &self.metadata,
            create: context.is_create(),
        };
        let previous = old.as_ref().map(|old| &old.spec.template);
        template::set_defaults(&mut self.spec.template, previous, site, context.config);
        if !is_owned(&self.metadata) {
            let same = previous.map(|old| template::is_same(old, &self.spec.template));
            modifier::note(&mut self.metadata, context.user, Change::of(same));
        }
    }

    /// A write of the status is not held up by rules that the spec no longer meets.
    fn validate(&self, context: &Context<'_, Self>) -> FieldErrors {
        let mut errors = FieldErrors::none();
        if !context.is_status() {
            errors.push(metadata(self));
            let found = template::validate(&self.spec.template, &self.metadata, context.config);
            errors.push(found.via_field("spec.template"));
        }
        match context.old() {
            Some(old) => errors.also(changes(old, self)),
            None => errors,
        }
    }

    /// A Service's own was tried with the Service.
    fn pod(&self) -> Option<&PodSpec> {
        let labels = self.metadata.labels.as_ref();
        let of_service = labels.is_some_and(|labels| labels.contains_key(serving::SERVICE));
        (!of_service).then_some(&self.spec.template.spec.pod)
    }
}

fn metadata(configuration: &Configuration) -> FieldErrors {
    let metadata = &configuration.metadata;
    name(metadata)
        .also(no_autoscaling(metadata))
        .also(owner_label(metadata, serving::SERVICE, "Service"))
        .via_field("metadata")
}

fn changes(old: &Configuration, new: &Configuration) -> FieldErrors {
    let (before, after) = (&old.spec.template, &new.spec.template);
    let name = template::verify_name_change(before, after).via_field("spec.template");
    if is_owned(&new.metadata) {
        return name;
    }
    let same = template::is_same(before, after);
    let modifier = modifier::validate(&old.metadata, &new.metadata, same);
    name.also(modifier.via_field("metadata.annotations"))
}
