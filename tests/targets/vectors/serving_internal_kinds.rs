//! `serving/KIND-{create,update}.json` of the kinds that controllers make.

use std::path::Path;

use knative_serving::api::autoscaling::{Metric, PodAutoscaler};
use knative_serving::api::networking::{Certificate, Ingress, ServerlessService};
use libtest_mimic::Trial;

use crate::serving_admission::kind;

pub(crate) fn trials(dir: &Path) -> Vec<Trial> {
    let mut trials = Vec::new();
    kind::<PodAutoscaler>(dir, "podautoscaler", &mut trials);
    kind::<Metric>(dir, "metric", &mut trials);
    kind::<Ingress>(dir, "ingress", &mut trials);
    kind::<ServerlessService>(dir, "serverlessservice", &mut trials);
    kind::<Certificate>(dir, "certificate", &mut trials);
    trials
}
