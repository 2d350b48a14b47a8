//! A Deployment as it would be for a Revision. Pure.

use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentCondition, DeploymentSpec, DeploymentStatus,
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use knative_core::object::ObjectExt as _;

use super::Instances;
use crate::api::Revision;
use crate::api::keys::serving::REVISION_UID;
use crate::reconcile::names;
use crate::reconcile::owned_by;
use crate::reconcile::revision::plan::{annotations, labels};

/// The Deployment of a Revision, which asks for `replicas` instances.
pub(super) fn deployment(
    revision: &Revision,
    template: PodTemplateSpec,
    replicas: u32,
    instances: &Instances,
) -> Deployment {
    let name = names::deployment(revision.name());
    let selector = [(REVISION_UID.to_owned(), revision.uid().to_owned())];
    let replicas = i32::try_from(replicas).unwrap_or(i32::MAX);
    Deployment {
        metadata: owned_by(revision, name, labels(revision), annotations(revision)),
        spec: DeploymentSpec {
            replicas: Some(replicas),
            revision_history_limit: Some(0),
            selector: LabelSelector {
                match_labels: Some(selector.into()),
                ..LabelSelector::default()
            },
            template,
            ..DeploymentSpec::default()
        },
        status: Some(status(replicas, instances)),
    }
}

fn status(replicas: i32, instances: &Instances) -> DeploymentStatus {
    let ready = instances.values().filter(|one| one.state.is_ready());
    let ready = i32::try_from(ready.count()).unwrap_or(i32::MAX);
    let all = i32::try_from(instances.len()).unwrap_or(i32::MAX);
    let some = |count: i32| Some(count).filter(|count| *count > 0);
    DeploymentStatus {
        observed_generation: Some(1),
        replicas: some(all),
        updated_replicas: some(all),
        ready_replicas: some(ready),
        available_replicas: some(ready),
        unavailable_replicas: some(replicas - ready),
        conditions: Some(vec![available(ready >= replicas)]),
        ..DeploymentStatus::default()
    }
}

fn available(enough: bool) -> DeploymentCondition {
    let (status, reason, message) = if enough {
        (
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        )
    } else {
        (
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
        )
    };
    DeploymentCondition {
        type_: Some("Available".to_owned()),
        status: Some(status.to_owned()),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        ..DeploymentCondition::default()
    }
}
