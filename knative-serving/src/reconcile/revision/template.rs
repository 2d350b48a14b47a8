//! The pods of a Revision.

use k8s_openapi::api::core::v1::{Container, ContainerPort, EnvVar, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::object::ObjectExt as _;
use knative_core::runtime::WorkloadId;

use super::plan::{annotations, labels};
use crate::api::keys::{self, serving};
use crate::api::{ContainerStatus, Revision};
use crate::reconcile::common::{non_empty, with};
use crate::reconcile::names;

/// The port that a container listens on unless it says another.
const DEFAULT_PORT: i32 = 8080;
/// The name of that port in a pod.
const PORT_NAME: &str = "user-port";
/// Where the reason of an end comes from: the file that is for it, else the end of the log.
const LAST_WORDS: &str = "FallbackToLogsOnError";
/// The variable that tells processes where other services are reached.
const GATEWAY: &str = "K_GATEWAY";

/// The workload of a Revision.
pub fn workload(revision: &Revision) -> WorkloadId {
    WorkloadId::new(revision.namespace(), names::deployment(revision.name()))
}

/// What the instances of a Revision are made of: images by digest where these are known, and the environment of the runtime
/// contract. `gateway` is where processes reach other services.
pub fn pod_template(revision: &Revision, gateway: Option<&str>) -> PodTemplateSpec {
    let serving_at = serving(&revision.spec.pod);
    let containers = &revision.spec.pod.containers;
    let default_container = serving_at.and_then(|at| containers.get(at));
    let name = default_container.map_or("", |container| container.name.as_str());
    let annotations = with(annotations(revision), [(keys::DEFAULT_CONTAINER, name)]);
    let containers = containers.iter().enumerate().map(|(at, container)| {
        let mut container = resolved(revision, container);
        if Some(at) == serving_at {
            serve(&mut container);
        }
        let policy = container.termination_message_policy.take();
        container.termination_message_policy = policy
            .filter(|policy| !policy.is_empty())
            .or_else(|| Some(LAST_WORDS.to_owned()));
        container
            .env
            .get_or_insert_default()
            .extend(environment(revision, gateway));
        container
    });
    let init = revision.spec.pod.init_containers.as_ref();
    let init = init.map(|init| init.iter().map(|one| resolved(revision, one)).collect());
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: non_empty(labels(revision)),
            annotations: non_empty(annotations),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            containers: containers.collect(),
            init_containers: init,
            termination_grace_period_seconds: revision.spec.timeout_seconds,
            ..revision.spec.pod.clone()
        }),
    }
}

/// Which container takes requests: the only one, else the first that declares a port.
fn serving(pod: &PodSpec) -> Option<usize> {
    let declares = |container: &Container| container.ports.iter().flatten().next().is_some();
    match pod.containers.len() {
        1 => Some(0),
        _ => pod.containers.iter().position(declares),
    }
}

fn resolved(revision: &Revision, container: &Container) -> Container {
    let status = revision.status.as_ref();
    let mut statuses = status.into_iter().flat_map(|status| {
        status
            .container_statuses
            .iter()
            .chain(&status.init_container_statuses)
    });
    let of_container = |status: &&ContainerStatus| status.name == container.name;
    let digest = statuses
        .find(of_container)
        .map(|status| status.image_digest.clone())
        .filter(|digest| !digest.is_empty());
    Container {
        image: digest.or_else(|| container.image.clone()),
        ..container.clone()
    }
}

fn serve(container: &mut Container) {
    let declared = container.ports.iter().flatten().next();
    let port = declared
        .map(|port| port.container_port)
        .filter(|port| *port != 0)
        .unwrap_or(DEFAULT_PORT);
    container.ports = Some(vec![ContainerPort {
        name: Some(PORT_NAME.to_owned()),
        container_port: port,
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }]);
    let env = container.env.get_or_insert_default();
    env.push(variable("PORT", &port.to_string()));
}

fn environment(revision: &Revision, gateway: Option<&str>) -> Vec<EnvVar> {
    let label = |key| revision.label(key).unwrap_or_default();
    let mut variables = vec![
        variable("K_REVISION", revision.name()),
        variable("K_CONFIGURATION", label(serving::CONFIGURATION)),
        variable("K_SERVICE", label(serving::SERVICE)),
    ];
    variables.extend(gateway.map(|gateway| variable(GATEWAY, gateway)));
    variables
}

fn variable(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        value_from: None,
    }
}
