//! Admission of Services.

use k8s_openapi::api::core::v1::PodSpec;
use knative_core::admission::FieldErrors;

use super::metadata::{name, no_autoscaling, rollout_duration};
use super::modifier::{self, Change};
use super::{Admit, Context, defaulted_old, template, traffic};
use crate::api::podspec::Site;
use crate::api::{Service, ServiceSpec};

impl Admit for Service {
    fn set_defaults(&mut self, context: &Context<'_, Self>) {
        let old = defaulted_old(context);
        let site = Site {
            parent: &self.metadata,
            create: context.is_create(),
        };
        let previous = old.as_ref().map(|old| &old.spec.template);
        template::set_defaults(&mut self.spec.template, previous, site, context.config);
        traffic::set_service_defaults(&mut self.spec.traffic);
        let same = old.map(|old| is_same(&old.spec, &self.spec));
        modifier::note(&mut self.metadata, context.user, Change::of(same));
    }

    /// A write of the status is not held up by rules that the spec no longer meets.
    fn validate(&self, context: &Context<'_, Self>) -> FieldErrors {
        let mut errors = FieldErrors::none();
        if !context.is_status() {
            errors.push(metadata(self));
            let found = template::validate(&self.spec.template, &self.metadata, context.config);
            errors.push(found.via_field("spec.template"));
            errors.push(traffic::validate(&self.spec.traffic, true).via_field("spec.traffic"));
        }
        match context.old() {
            Some(old) => errors.also(changes(old, self)),
            None => errors,
        }
    }

    fn pod(&self) -> Option<&PodSpec> {
        Some(&self.spec.template.spec.pod)
    }
}

fn metadata(service: &Service) -> FieldErrors {
    let metadata = &service.metadata;
    name(metadata)
        .also(no_autoscaling(metadata))
        .also(rollout_duration(metadata))
        .via_field("metadata")
}

fn is_same(old: &ServiceSpec, new: &ServiceSpec) -> bool {
    old.traffic == new.traffic && template::is_same(&old.template, &new.template)
}

fn changes(old: &Service, new: &Service) -> FieldErrors {
    let same = is_same(&old.spec, &new.spec);
    modifier::validate(&old.metadata, &new.metadata, same)
        .via_field("metadata.annotations")
        .also(
            template::verify_name_change(&old.spec.template, &new.spec.template)
                .via_field("spec.template"),
        )
}
