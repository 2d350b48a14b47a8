//! Admission of Metrics.

use knative_core::admission::FieldErrors;

use super::metadata::{annotations, name};
use super::{Admit, Context};
use crate::api::autoscaling::annotation::validate_annotations;
use crate::api::autoscaling::{Metric, MetricSpec};

impl Admit for Metric {
    fn set_defaults(&mut self, _: &Context<'_, Self>) {}

    fn validate(&self, context: &Context<'_, Self>) -> FieldErrors {
        let annotations =
            validate_annotations(&context.config.autoscaler, annotations(&self.metadata));
        let metadata = name(&self.metadata)
            .also(annotations.via_field("annotations"))
            .via_field("metadata");
        if self.spec == MetricSpec::default() {
            return metadata.also(FieldErrors::missing_field(["spec"]));
        }
        metadata
    }
}
