//! Admission of the kind `PodAutoscaler`.

use knative_core::admission::FieldErrors;

use super::metadata::{annotations, name};
use super::{AdmissionConfig, Admit, Context, object_reference, revision};
use crate::api::autoscaling::annotation::{self, validate_annotations};
use crate::api::autoscaling::{PodAutoscaler, PodAutoscalerSpec};

impl Admit for PodAutoscaler {
    /// The class that the configuration names, and the metric that is usual for the class.
    fn set_defaults(&mut self, context: &Context<'_, Self>) {
        let annotations = self.metadata.annotations.get_or_insert_default();
        let class = annotations
            .entry(annotation::CLASS.name().to_owned())
            .or_insert_with(|| context.config.autoscaler.pod_autoscaler_class.clone());
        let metric = usual_metric(class);
        annotations
            .entry(annotation::METRIC.name().to_owned())
            .or_insert_with(|| metric.to_owned());
    }

    fn validate(&self, context: &Context<'_, Self>) -> FieldErrors {
        let annotations =
            validate_annotations(&context.config.autoscaler, annotations(&self.metadata));
        name(&self.metadata)
            .also(annotations.via_field("annotations"))
            .via_field("metadata")
            .also(spec(&self.spec, context.config).via_field("spec"))
    }
}

fn usual_metric(class: &str) -> &'static str {
    match class {
        annotation::KPA => annotation::CONCURRENCY,
        annotation::HPA => annotation::CPU,
        _ => "",
    }
}

fn spec(spec: &PodAutoscalerSpec, config: &AdmissionConfig) -> FieldErrors {
    if *spec == PodAutoscalerSpec::default() {
        return FieldErrors::missing_field([""]);
    }
    object_reference::validate(&spec.scale_target_ref)
        .via_field("scaleTargetRef")
        .also(revision::concurrency(
            Some(spec.container_concurrency),
            &config.defaults,
        ))
        .also(object_reference::protocol(&spec.protocol_type))
}
