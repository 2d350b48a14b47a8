//! Admission of Routes.

use knative_core::admission::FieldErrors;

use super::metadata::{is_owned, name, no_autoscaling, owner_label, rollout_duration};
use super::modifier::{self, Change};
use super::{Admit, Context, defaulted_old, traffic};
use crate::api::Route;
use crate::api::keys::serving;

impl Admit for Route {
    fn set_defaults(&mut self, context: &Context<'_, Self>) {
        traffic::set_defaults(&mut self.spec.traffic);
        if !is_owned(&self.metadata) {
            let same = defaulted_old(context).map(|old| old.spec == self.spec);
            modifier::note(&mut self.metadata, context.user, Change::of(same));
        }
    }

    fn validate(&self, context: &Context<'_, Self>) -> FieldErrors {
        let metadata = &self.metadata;
        let errors = name(metadata)
            .also(no_autoscaling(metadata))
            .also(owner_label(metadata, serving::SERVICE, "Service"))
            .also(rollout_duration(metadata))
            .via_field("metadata")
            .also(traffic::validate(&self.spec.traffic, false).via_field("spec.traffic"));
        match context.old() {
            Some(old) if !is_owned(metadata) => {
                let same = old.spec == self.spec;
                let modifier = modifier::validate(&old.metadata, metadata, same);
                errors.also(modifier.via_field("metadata.annotations"))
            }
            _ => errors,
        }
    }
}
