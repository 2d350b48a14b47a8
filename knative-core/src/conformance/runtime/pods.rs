//! What runtimes do with pods of more than one container, with volumes and with limits, by what they can do.

use futures::FutureExt;
use k8s_openapi::{
    api::core::v1::{
        Container, DownwardAPIVolumeFile, DownwardAPIVolumeSource, EmptyDirVolumeSource, EnvVar,
        ObjectFieldSelector, PodSpec, Probe, ResourceRequirements, TCPSocketAction, Volume,
        VolumeMount,
    },
    apimachinery::pkg::{api::resource::Quantity, util::intstr::IntOrString},
};
use libtest_mimic::Failed;

use super::{Case, Role, Run, ensure};
use crate::runtime::{Capabilities, InstanceState};

/// Where the second container of a pod listens.
const SIDECAR: &str = "9000";

pub(super) fn all(capabilities: Capabilities) -> Vec<(&'static str, Run)> {
    let mut cases: Vec<(&'static str, Run)> = Vec::new();
    if capabilities.sidecars {
        cases.extend::<[(&str, Run); 2]>([
            ("containers_share_their_loopback_address", |case| {
                sidecar(case).boxed()
            }),
            ("readiness_is_that_of_all_containers", |case| {
                unready_sidecar(case).boxed()
            }),
        ]);
    }
    if capabilities.sidecars && capabilities.volumes {
        cases.push(("init_containers_end_before_others_start", |case| {
            init(case).boxed()
        }));
    }
    if capabilities.restart && capabilities.sidecars && capabilities.volumes {
        cases.push(
            ("a_container_that_ends_is_started_again_by_itself", |case| {
                again(case).boxed()
            }),
        );
    }
    if capabilities.volumes {
        cases.push(("files_of_volumes_are_mounted", |case| files(case).boxed()));
    }
    if capabilities.processes && capabilities.memory_limit {
        cases.push(("instance_beyond_its_memory_limit_is_ended", |case| {
            out_of_memory(case).boxed()
        }));
    }
    cases
}

async fn sidecar(case: &mut Case<'_>) -> Result<(), Failed> {
    let second = second(case);
    let workload = case.workload_with("sidecar", Role::Hello, 1, |spec| {
        serve(spec);
        spec.containers.push(second);
    });
    case.apply(&workload).await?;
    let ready = case.until_ready(&workload, 1).await?;
    let body = case.get(&ready[0], &format!("/via/{SIDECAR}")).await?;
    ensure(body == "Hello sidecar!\n", || {
        format!("the neighbour answered {body:?}")
    })
}

async fn unready_sidecar(case: &mut Case<'_>) -> Result<(), Failed> {
    let mut second = second(case);
    // Nobody listens there.
    second.readiness_probe = Some(tcp_probe("9001"));
    let workload = case.workload_with("unready", Role::Hello, 1, |spec| {
        serve(spec);
        spec.containers.push(second);
    });
    let good = case.workload("good", Role::Hello, 1);
    case.apply(&workload).await?;
    case.apply(&good).await?;
    case.until_ready(&good, 1).await?;
    let now = case.instances(&workload).await?;
    ensure(
        now.iter()
            .all(|instance| matches!(instance.state, InstanceState::Starting)),
        || format!("a failing probe did not count: {now:?}"),
    )
}

async fn init(case: &mut Case<'_>) -> Result<(), Failed> {
    let setup = Container {
        name: "setup".to_owned(),
        image: Some(case.harness.image(Role::Writes)),
        env: Some(vec![
            variable("FILE", "/shared/greeting"),
            variable("TEXT", "set up"),
        ]),
        volume_mounts: Some(vec![mount("/shared")]),
        ..Container::default()
    };
    let workload = case.workload_with("init", Role::Hello, 1, |spec| {
        spec.init_containers = Some(vec![setup]);
        spec.containers[0].volume_mounts = Some(vec![mount("/data")]);
        spec.volumes = Some(vec![Volume {
            name: "volume".to_owned(),
            empty_dir: Some(EmptyDirVolumeSource::default()),
            ..Volume::default()
        }]);
    });
    case.apply(&workload).await?;
    let ready = case.until_ready(&workload, 1).await?;
    let body = case.get(&ready[0], "/file/data/greeting").await?;
    ensure(body == "set up", || format!("the file has {body:?}"))
}

async fn again(case: &mut Case<'_>) -> Result<(), Failed> {
    let second = second(case);
    let workload = case.workload_with("again", Role::Hello, 1, |spec| {
        serve(spec);
        spec.containers[0].volume_mounts = Some(vec![mount("/data")]);
        spec.containers.push(second);
        spec.volumes = Some(vec![Volume {
            name: "volume".to_owned(),
            empty_dir: Some(EmptyDirVolumeSource::default()),
            ..Volume::default()
        }]);
    });
    case.apply(&workload).await?;
    let first = case.until_ready(&workload, 1).await?;
    let own = case.get(&first[0], "/pid").await?;
    let others = case.get(&first[0], &format!("/via/{SIDECAR}/pid")).await?;
    // It ends before it answers.
    let _ = case.get(&first[0], "/end/data/mark").await;
    let now = case
        .until(&workload, "a restart", |now| {
            now.iter()
                .any(|instance| instance.restarts == 1 && instance.state.is_ready())
        })
        .await?;
    let counts = ["user-container", "sidecar"].map(|name| now[0].restarts_of(name));
    ensure(now[0].id == first[0].id && counts == [1, 0], || {
        format!("it became {:?}", now[0])
    })?;
    let mark = case.get(&now[0], "/file/data/mark").await?;
    ensure(mark == "ended", || format!("the volume has {mark:?}"))?;
    let (own_now, others_now) = (
        case.get(&now[0], "/pid").await?,
        case.get(&now[0], &format!("/via/{SIDECAR}/pid")).await?,
    );
    ensure(own_now != own && others_now == others, || {
        format!("{own} and {others} became {own_now} and {others_now}")
    })
}

async fn files(case: &mut Case<'_>) -> Result<(), Failed> {
    let workload = case.workload_with("files", Role::Hello, 1, |spec| {
        spec.containers[0].volume_mounts = Some(vec![mount("/pod")]);
        spec.volumes = Some(vec![Volume {
            name: "volume".to_owned(),
            downward_api: Some(DownwardAPIVolumeSource {
                items: Some(vec![DownwardAPIVolumeFile {
                    path: "own/name".to_owned(),
                    field_ref: Some(ObjectFieldSelector {
                        field_path: "metadata.name".to_owned(),
                        ..ObjectFieldSelector::default()
                    }),
                    ..DownwardAPIVolumeFile::default()
                }]),
                ..DownwardAPIVolumeSource::default()
            }),
            ..Volume::default()
        }]);
    });
    case.apply(&workload).await?;
    let ready = case.until_ready(&workload, 1).await?;
    let body = case.get(&ready[0], "/file/pod/own/name").await?;
    ensure(body == ready[0].id.as_str(), || {
        format!("the file of {} has {body:?}", ready[0].id)
    })
}

async fn out_of_memory(case: &mut Case<'_>) -> Result<(), Failed> {
    let workload = case.workload_with("memory", Role::EatsMemory, 1, |spec| {
        spec.containers[0].resources = Some(ResourceRequirements {
            limits: Some([("memory".to_owned(), Quantity("32Mi".to_owned()))].into()),
            ..ResourceRequirements::default()
        });
    });
    case.apply(&workload).await?;
    let ended = case
        .until(&workload, "an end", |now| {
            now.iter().any(|instance| instance.last_exit.is_some())
        })
        .await?;
    let exit = ended[0].last_exit.clone().unwrap_or_default();
    let code = exit.code.or(exit.signal.map(|signal| 128 + signal));
    ensure(code == Some(137), || format!("the exit is {exit:?}"))
}

/// A container that listens beside the one that serves.
fn second(case: &Case<'_>) -> Container {
    Container {
        name: "sidecar".to_owned(),
        image: Some(case.harness.image(Role::Hello)),
        env: Some(vec![
            variable("PORT", SIDECAR),
            variable("TARGET", "sidecar"),
        ]),
        readiness_probe: Some(tcp_probe(SIDECAR)),
        ..Container::default()
    }
}

/// Declares the port by which the first container is known as the one that serves.
fn serve(spec: &mut PodSpec) {
    spec.containers[0].ports = Some(vec![k8s_openapi::api::core::v1::ContainerPort {
        container_port: 8080,
        ..Default::default()
    }]);
}

fn tcp_probe(port: &str) -> Probe {
    Probe {
        tcp_socket: Some(TCPSocketAction {
            port: IntOrString::Int(port.parse().unwrap_or_default()),
            ..TCPSocketAction::default()
        }),
        period_seconds: Some(1),
        ..Probe::default()
    }
}

fn variable(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        ..EnvVar::default()
    }
}

fn mount(path: &str) -> VolumeMount {
    VolumeMount {
        name: "volume".to_owned(),
        mount_path: path.to_owned(),
        ..VolumeMount::default()
    }
}
