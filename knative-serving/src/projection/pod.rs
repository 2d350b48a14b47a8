//! A pod as it would be for an instance. Pure.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated,
    ContainerStateWaiting, ContainerStatus, Pod, PodCondition, PodIP, PodSpec, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use knative_core::http::Endpoint;
use knative_core::object::{ObjectExt as _, owner_reference};
use knative_core::runtime::{Exit, Instance, InstanceState, StartError};

/// The pod of an instance of `deployment`.
pub(super) fn pod(deployment: &Deployment, instance: &Instance) -> Pod {
    let template = deployment.spec.template.clone();
    let metadata = template.metadata.unwrap_or_default();
    let owner = OwnerReference {
        block_owner_deletion: Some(false),
        ..owner_reference(deployment)
    };
    let status = status(template.spec.as_ref(), instance);
    Pod {
        metadata: ObjectMeta {
            name: Some(instance.id.as_str().to_owned()),
            namespace: Some(deployment.namespace().to_owned()),
            labels: metadata.labels,
            annotations: metadata.annotations,
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        spec: template.spec,
        status: Some(status),
    }
}

fn status(spec: Option<&PodSpec>, instance: &Instance) -> PodStatus {
    let ready = instance.state.is_ready();
    let started = matches!(
        instance.state,
        InstanceState::Ready { .. } | InstanceState::NotReady { .. } | InstanceState::Stopping
    );
    let initialized = started || is_kept(instance) || !has_init(spec);
    let waits = if has_init(spec) {
        "PodInitializing"
    } else {
        "ContainerCreating"
    };
    let address = address(instance);
    let alone = spec.is_some_and(|spec| spec.containers.len() == 1);
    PodStatus {
        phase: Some(if started { "Running" } else { "Pending" }.to_owned()),
        conditions: Some(conditions(instance, (ready, initialized))),
        container_statuses: Some(
            spec.iter()
                .flat_map(|spec| &spec.containers)
                .map(|container| container_status(container, instance, (alone, waits)))
                .collect(),
        ),
        init_container_statuses: spec.and_then(|spec| spec.init_containers.as_ref()).map(
            |containers| {
                let all = containers.iter();
                all.map(|container| init_status(container, instance, initialized))
                    .collect()
            },
        ),
        pod_ip: address.clone(),
        pod_ips: address.map(|ip| vec![PodIP { ip }]),
        start_time: Some(Time(instance.created)),
        ..PodStatus::default()
    }
}

fn has_init(spec: Option<&PodSpec>) -> bool {
    spec.is_some_and(|spec| spec.init_containers.iter().flatten().next().is_some())
}

/// Whether a start goes on with what an earlier one made.
fn is_kept(instance: &Instance) -> bool {
    let others_run = matches!(
        instance.state,
        InstanceState::BackingOff {
            others_run: true,
            ..
        }
    );
    others_run || !instance.container_restarts.is_empty()
}

fn address(instance: &Instance) -> Option<String> {
    match instance.endpoint()? {
        Endpoint::Tcp(address) => Some(address.ip().to_string()),
        _ => None,
    }
}

fn conditions(instance: &Instance, (ready, initialized): (bool, bool)) -> Vec<PodCondition> {
    let scheduled = match &instance.state {
        InstanceState::BackingOff { error, .. } => match &**error {
            StartError::Unschedulable { message } => Err(message.clone()),
            _ => Ok(()),
        },
        _ => Ok(()),
    };
    let condition = |name: &str, holds: bool| PodCondition {
        type_: name.to_owned(),
        status: if holds { "True" } else { "False" }.to_owned(),
        last_transition_time: None,
        ..PodCondition::default()
    };
    let mut placed = condition("PodScheduled", scheduled.is_ok());
    if let Err(message) = scheduled {
        placed.reason = Some("Unschedulable".to_owned());
        placed.message = Some(message);
    }
    vec![
        condition("Initialized", initialized),
        condition("Ready", ready),
        condition("ContainersReady", ready),
        placed,
    ]
}

/// `alone` says whether the pod has no other container, `waits` what is said of one that failed with nobody.
fn container_status(
    container: &Container,
    instance: &Instance,
    (alone, waits): (bool, &str),
) -> ContainerStatus {
    let image = container.image.clone().unwrap_or_default();
    let ready = match &instance.state {
        state if goes_on(container, state) => true,
        state => state.is_ready(),
    };
    ContainerStatus {
        name: container.name.clone(),
        image_id: image.clone(),
        image,
        ready,
        started: Some(ready),
        restart_count: i32::try_from(instance.restarts_of(&container.name)).unwrap_or(i32::MAX),
        state: Some(state(container, instance, waits)),
        last_state: last_exit_of(container, instance, alone).map(terminated),
        ..ContainerStatus::default()
    }
}

/// How a container ended the last time; where an instance is one container it is not said which one did.
fn last_exit_of<'a>(
    container: &Container,
    instance: &'a Instance,
    alone: bool,
) -> Option<&'a Exit> {
    let exit = instance.last_exit.as_ref()?;
    let own = match &exit.container {
        Some(name) => *name == container.name,
        None => alone,
    };
    own.then_some(exit)
}

/// An init container has ended by the time that the others run.
fn init_status(container: &Container, instance: &Instance, initialized: bool) -> ContainerStatus {
    let image = container.image.clone().unwrap_or_default();
    let completed = ContainerState {
        terminated: Some(ContainerStateTerminated {
            reason: Some("Completed".to_owned()),
            ..ContainerStateTerminated::default()
        }),
        ..ContainerState::default()
    };
    ContainerStatus {
        name: container.name.clone(),
        image_id: image.clone(),
        image,
        ready: initialized,
        state: Some(match failure(container, &instance.state, false) {
            Some(failure) => failure,
            None if initialized => completed,
            None => waiting("PodInitializing".to_owned(), None),
        }),
        ..ContainerStatus::default()
    }
}

fn waiting(reason: String, message: Option<String>) -> ContainerState {
    ContainerState {
        waiting: Some(ContainerStateWaiting {
            reason: Some(reason),
            message,
        }),
        ..ContainerState::default()
    }
}

fn state(container: &Container, instance: &Instance, waits: &str) -> ContainerState {
    match &instance.state {
        state if goes_on(container, state) => running(instance),
        InstanceState::Starting => waiting(waits.to_owned(), None),
        InstanceState::Standby => waiting(
            "Standby".to_owned(),
            Some("it is kept in reserve until it is needed".to_owned()),
        ),
        InstanceState::BackingOff { .. } => failure(container, &instance.state, true)
            .unwrap_or_else(|| waiting(waits.to_owned(), None)),
        _ => running(instance),
    }
}

/// The container whose end was the instance's.
pub(super) fn ended(state: &InstanceState) -> Option<&str> {
    let InstanceState::BackingOff { error, .. } = state else {
        return None;
    };
    match &**error {
        StartError::CrashLoop(exit) => exit.container.as_deref(),
        _ => None,
    }
}

/// What a container waits for, if it is one of those that failed; `unnamed` says whether it is where none is named.
fn failure(container: &Container, state: &InstanceState, unnamed: bool) -> Option<ContainerState> {
    let InstanceState::BackingOff { error, .. } = state else {
        return None;
    };
    let concerns = match &**error {
        StartError::CrashLoop(exit) => match &exit.container {
            Some(name) => *name == container.name,
            None => unnamed,
        },
        StartError::ImageNotFound { reference, .. } | StartError::ImagePull { reference, .. } => {
            container.image.as_ref() == Some(reference)
        }
        _ => unnamed,
    };
    let reason = match &**error {
        StartError::CrashLoop { .. } => "CrashLoopBackOff".to_owned(),
        other => other.reason(),
    };
    concerns.then(|| waiting(reason, Some(error.to_string())))
}

/// Whether a container runs while another one of its instance waits to be started again.
fn goes_on(container: &Container, state: &InstanceState) -> bool {
    let InstanceState::BackingOff {
        error,
        others_run: true,
        ..
    } = state
    else {
        return false;
    };
    match &**error {
        StartError::CrashLoop(exit) => exit.container.as_ref() != Some(&container.name),
        _ => false,
    }
}

fn running(instance: &Instance) -> ContainerState {
    ContainerState {
        running: Some(ContainerStateRunning {
            started_at: Some(Time(instance.created)),
        }),
        ..ContainerState::default()
    }
}

fn terminated(exit: &Exit) -> ContainerState {
    let code = exit.code.or(exit.signal.map(|signal| 128 + signal));
    let reason = match (exit.out_of_memory, code) {
        (true, _) => "OOMKilled",
        (false, Some(0)) => "Completed",
        _ => "Error",
    };
    ContainerState {
        terminated: Some(ContainerStateTerminated {
            exit_code: code.unwrap_or(-1),
            signal: exit.signal,
            reason: Some(reason.to_owned()),
            message: Some(exit.message.clone()).filter(|message| !message.is_empty()),
            ..ContainerStateTerminated::default()
        }),
        ..ContainerState::default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use knative_core::runtime::{InstanceId, WorkloadId};

    use super::*;

    fn exit(container: Option<&str>) -> Exit {
        Exit {
            container: container.map(str::to_owned),
            code: Some(3),
            ..Exit::default()
        }
    }

    /// Whether each of two containers is said to run, and to have ended.
    fn shown(exit: Exit, others_run: bool) -> [(bool, bool); 2] {
        let (id, workload) = (InstanceId::new("i"), WorkloadId::new("default", "w"));
        let mut instance = Instance::starting(id, workload, Timestamp::UNIX_EPOCH);
        instance.last_exit = Some(exit.clone());
        instance.state = InstanceState::BackingOff {
            error: Arc::new(StartError::CrashLoop(exit)),
            failures: 1,
            until: Timestamp::MAX,
            others_run,
        };
        ["main", "beside"].map(|name| {
            let container = Container {
                name: name.to_owned(),
                ..Container::default()
            };
            let status = container_status(&container, &instance, (false, "ContainerCreating"));
            let runs = status.state.is_some_and(|state| state.running.is_some());
            assert_eq!(runs, status.ready);
            (runs, status.last_state.is_some())
        })
    }

    #[test]
    fn only_what_failed_is_said_to_have_failed() {
        let (id, workload) = (InstanceId::new("i"), WorkloadId::new("default", "w"));
        let mut instance = Instance::starting(id, workload, Timestamp::UNIX_EPOCH);
        let pod: PodSpec = serde_json::from_value(serde_json::json!({
            "initContainers": [{ "name": "setup", "image": "setup:1" }],
            "containers": [{ "name": "main", "image": "main:1" }, { "name": "beside", "image": "beside:1" }],
        }))
        .unwrap();
        let missing = |reference: &str| StartError::ImageNotFound {
            reference: reference.to_owned(),
            hint: String::new(),
        };
        let rows = [
            (
                missing("beside:1"),
                ["PodInitializing", "PodInitializing", "ImagePullBackOff"],
            ),
            (
                missing("setup:1"),
                ["ImagePullBackOff", "PodInitializing", "PodInitializing"],
            ),
            (
                StartError::CrashLoop(exit(Some("setup"))),
                ["CrashLoopBackOff", "PodInitializing", "PodInitializing"],
            ),
            (
                StartError::CrashLoop(exit(None)),
                ["PodInitializing", "CrashLoopBackOff", "CrashLoopBackOff"],
            ),
        ];
        for (error, want) in rows {
            let told = error.to_string();
            instance.state = InstanceState::BackingOff {
                error: Arc::new(error),
                failures: 1,
                until: Timestamp::MAX,
                others_run: false,
            };
            let status = status(Some(&pod), &instance);
            let init = status.init_container_statuses.iter().flatten();
            let all = init.chain(status.container_statuses.iter().flatten());
            let reasons = all.map(|status| {
                let waiting = status
                    .state
                    .as_ref()
                    .and_then(|state| state.waiting.as_ref());
                waiting
                    .and_then(|waiting| waiting.reason.clone())
                    .unwrap_or_default()
            });
            assert_eq!(reasons.collect::<Vec<_>>(), want, "{told}");
            let conditions = status.conditions.unwrap();
            assert_eq!(conditions[0].status, "False", "{told}");
        }
    }

    #[test]
    fn containers_run_on_beside_one_that_failed_where_they_do() {
        let (yes, no) = (true, false);
        assert_eq!(shown(exit(Some("main")), true), [(no, yes), (yes, no)]);
        assert_eq!(shown(exit(Some("main")), false), [(no, yes), (no, no)]);
        assert_eq!(shown(exit(Some("setup")), false), [(no, no), (no, no)]);
        assert_eq!(shown(exit(None), false), [(no, no), (no, no)]);
    }
}
