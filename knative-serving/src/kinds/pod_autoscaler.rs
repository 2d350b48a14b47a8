//! Admission of a `PodAutoscaler`.

use std::sync::Arc;

use knative_core::admission::{Admission, AdmissionRequest, Operation};
use knative_core::object::Object;
use knative_core::store::StoreError;

use crate::api::autoscaling::annotation::{CLASS, CONCURRENCY, CPU, HPA, KPA, METRIC};
use crate::config::Live;

/// Says which autoscaler is in charge and what it measures, where the writer does not.
#[derive(Debug)]
pub(super) struct PodAutoscalerRules {
    live: Arc<Live>,
}

impl PodAutoscalerRules {
    pub(super) const fn new(live: Arc<Live>) -> Self {
        Self { live }
    }
}

impl Admission for PodAutoscalerRules {
    fn default(
        &self,
        request: &AdmissionRequest<'_>,
        object: &mut Object,
    ) -> Result<(), StoreError> {
        if matches!(request.operation, Operation::Update { status: true, .. }) {
            return Ok(());
        }
        let annotations = object.metadata.annotations.get_or_insert_default();
        let class = match CLASS.get(annotations) {
            Some((_, class)) => class.to_owned(),
            None => {
                let class = self.live.get().autoscaler.pod_autoscaler_class.clone();
                annotations.insert(CLASS.name().to_owned(), class.clone());
                class
            }
        };
        let metric = match class.as_str() {
            KPA => CONCURRENCY,
            HPA => CPU,
            _ => return Ok(()),
        };
        annotations
            .entry(METRIC.name().to_owned())
            .or_insert_with(|| metric.to_owned());
        Ok(())
    }

    fn validate(
        &self,
        _request: &AdmissionRequest<'_>,
        _object: &Object,
    ) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }
}
