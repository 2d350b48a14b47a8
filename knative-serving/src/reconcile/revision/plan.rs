//! What a Revision is made of.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ObjectReference;
use knative_core::object::ObjectExt as _;
use knative_core::{Condition, Conditioned};

use crate::api::autoscaling::pod_autoscaler::{REACHABLE, UNREACHABLE};
use crate::api::autoscaling::{PodAutoscaler, PodAutoscalerSpec};
use crate::api::caching::{Image, ImageSpec};
use crate::api::keys::{self, serving};
use crate::api::revision::lifecycle::{CONTAINER_HEALTHY, RESOURCES_AVAILABLE};
use crate::api::{ContainerStatus, Revision};
use crate::reconcile::common::{Pairs, owned_by, with, without};
use crate::reconcile::names;
use crate::traffic::Protocol;

/// Labels of all that is made for a Revision.
pub fn labels(revision: &Revision) -> Pairs {
    let own = [serving::ROUTE, serving::ROUTING_STATE];
    let mut labels = with(
        without(revision.metadata.labels.as_ref(), &own),
        [
            (serving::REVISION, revision.name()),
            (serving::REVISION_UID, revision.uid()),
        ],
    );
    labels
        .entry(keys::APP.to_owned())
        .or_insert_with(|| revision.name().to_owned());
    labels
}

/// Annotations of all that is made for a Revision.
pub fn annotations(revision: &Revision) -> Pairs {
    let own = [
        serving::LAST_PINNED,
        serving::NO_GC,
        serving::ROUTING_STATE_MODIFIED,
        serving::ROUTES,
    ];
    without(revision.metadata.annotations.as_ref(), &own)
}

/// The `PodAutoscaler` of a Revision; `deployment` is what runs for it now.
pub fn pod_autoscaler(revision: &Revision, deployment: Option<&Deployment>) -> PodAutoscaler {
    let target = ObjectReference {
        api_version: Some("apps/v1".to_owned()),
        kind: Some("Deployment".to_owned()),
        name: Some(names::deployment(revision.name())),
        ..ObjectReference::default()
    };
    let name = names::pod_autoscaler(revision.name());
    PodAutoscaler {
        metadata: owned_by(revision, name, labels(revision), annotations(revision)),
        spec: PodAutoscalerSpec {
            container_concurrency: revision.spec.container_concurrency.unwrap_or_default(),
            scale_target_ref: target,
            reachability: reachability(revision, deployment).to_owned(),
            protocol_type: Protocol::of(revision).as_str().to_owned(),
        },
        status: None,
    }
}

/// Whether traffic can come, as far as is known; a Revision that failed and has no ready instance may go to zero.
pub fn reachability(revision: &Revision, deployment: Option<&Deployment>) -> &'static str {
    if has_failed(revision) && deployment.is_some_and(none_ready) {
        return UNREACHABLE;
    }
    match revision.label(serving::ROUTING_STATE) {
        Some(serving::ROUTING_STATE_ACTIVE) => REACHABLE,
        Some(serving::ROUTING_STATE_RESERVE) => UNREACHABLE,
        _ => "",
    }
}

fn has_failed(revision: &Revision) -> bool {
    let is_false = |r#type: &str| {
        let status = revision.status.as_ref();
        status
            .and_then(|status| status.condition(r#type))
            .is_some_and(Condition::is_false)
    };
    is_false(RESOURCES_AVAILABLE) || is_false(CONTAINER_HEALTHY)
}

fn none_ready(deployment: &Deployment) -> bool {
    let wanted = deployment.spec.replicas.unwrap_or_default();
    let ready = deployment
        .status
        .as_ref()
        .and_then(|status| status.ready_replicas);
    wanted > 0 && ready.unwrap_or_default() == 0
}

/// The Images of a Revision: one for each container whose digest was looked up, then the init containers'.
pub fn images(revision: &Revision) -> Vec<Image> {
    let Some(status) = &revision.status else {
        return Vec::new();
    };
    let containers = status
        .container_statuses
        .iter()
        .chain(&status.init_container_statuses);
    containers
        .map(|container| image(revision, container))
        .collect()
}

fn image(revision: &Revision, container: &ContainerStatus) -> Image {
    let pod = &revision.spec.pod;
    let name = names::image(revision.name(), &container.name);
    let mut annotations = annotations(revision);
    annotations.retain(|key, _| !key.starts_with(keys::AUTOSCALING_GROUP));
    Image {
        metadata: owned_by(revision, name, labels(revision), annotations),
        spec: ImageSpec {
            image: container.image_digest.clone(),
            service_account_name: pod.service_account_name.clone().unwrap_or_default(),
            image_pull_secrets: pod.image_pull_secrets.clone().unwrap_or_default(),
        },
        status: None,
    }
}

#[cfg(test)]
mod tests;
