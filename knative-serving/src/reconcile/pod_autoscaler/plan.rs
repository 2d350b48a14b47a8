//! What a `PodAutoscaler` is made of, and what its status says.

use jiff::SignedDuration;
use knative_core::Conditioned as _;
use knative_core::object::ObjectExt as _;

use crate::api::autoscaling::annotation::METRIC;
use crate::api::autoscaling::{Metric, MetricSpec, PodAutoscaler};
use crate::api::networking::serverless_service::MODE_PROXY;
use crate::api::networking::{ServerlessService, ServerlessServiceSpec};
use crate::autoscaler::bounds::Bounds;
use crate::autoscaler::kpa::MIN_ACTIVATORS;
use crate::autoscaler::run::ScaleStatus;
use crate::autoscaler::scale::{Activity, SksPlan, StatusPlan};
use crate::reconcile::common::{owned_by, without};
use crate::reconcile::names;

/// The `ServerlessService` of a `PodAutoscaler`; without a `plan` requests are buffered.
pub(super) fn serverless_service(
    scaler: &PodAutoscaler,
    plan: Option<SksPlan>,
) -> ServerlessService {
    let labels = scaler.metadata.labels.clone().unwrap_or_default();
    let annotations = without(scaler.metadata.annotations.as_ref(), METRIC.spellings());
    let name = names::serverless_service(scaler.name());
    let mode = plan.map_or(MODE_PROXY, |plan| plan.mode.as_str());
    ServerlessService {
        metadata: owned_by(scaler, name, labels, annotations),
        spec: ServerlessServiceSpec {
            mode: mode.to_owned(),
            object_ref: scaler.spec.scale_target_ref.clone(),
            protocol_type: scaler.spec.protocol_type.clone(),
            num_activators: plan.map_or(MIN_ACTIVATORS, |plan| plan.num_activators),
        },
        status: None,
    }
}

/// The Metric of a `PodAutoscaler`.
pub(super) fn metric(scaler: &PodAutoscaler, bounds: &Bounds) -> Metric {
    let labels = scaler.metadata.labels.clone().unwrap_or_default();
    let annotations = scaler.metadata.annotations.clone().unwrap_or_default();
    let service = names::serverless_service(scaler.name());
    let scrape_target = if bounds.is_scraped() {
        names::private_service(&service)
    } else {
        String::new()
    };
    Metric {
        metadata: owned_by(scaler, scaler.name().to_owned(), labels, annotations),
        spec: MetricSpec {
            stable_window: nanos(bounds.stable_window),
            panic_window: nanos(bounds.panic_window),
            scrape_target,
        },
        status: None,
    }
}

fn nanos(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// What the status is to say. The names of the core Services are known as soon as `service` is there.
pub(super) fn status(
    scaler: &PodAutoscaler,
    bounds: &Bounds,
    service: &ServerlessService,
    scale: Option<&ScaleStatus>,
) -> StatusPlan {
    let observed = service.status.as_ref();
    let ready = if service.is_ready() {
        Ok(())
    } else {
        let ready = observed.and_then(|status| status.top_level());
        Err(ready.map_or_else(
            || "No Private Service Name".to_owned(),
            |ready| ready.message.clone(),
        ))
    };
    let first = first_activity(scaler, bounds);
    StatusPlan {
        desired_scale: scale.and_then(|scale| scale.desired_scale),
        actual_scale: scale.map(|scale| scale.actual_scale).or(Some(0)),
        service_name: Some(names::public_service(service.name())),
        metrics_service_name: Some(names::private_service(service.name())),
        sks: Some(ready),
        initialized: match scale {
            Some(scale) => scale.initialized,
            None => first == Some(Activity::NoTraffic),
        },
        activity: match scale {
            Some(scale) => scale.activity.clone(),
            None => first,
        },
    }
}

/// Until the scaler knows of a new Revision, it counts as on its way to its first scale; a known one stays as it is.
fn first_activity(scaler: &PodAutoscaler, bounds: &Bounds) -> Option<Activity> {
    let status = scaler.status.as_ref();
    if status.is_some_and(|status| status.is_active() || status.is_inactive()) {
        return None;
    }
    let first = bounds.min_scale.max(bounds.decider.initial_scale);
    Some(if first > 0 {
        Activity::Activating
    } else {
        Activity::NoTraffic
    })
}
