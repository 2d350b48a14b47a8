mod metrics;
mod reserve;
mod restart;

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, PodSpec, Probe, TCPSocketAction};

use super::*;
use crate::{
    TokioClock,
    runtime::{
        Exit, InstanceState,
        fake::{FakeImage, FakeRuntime, FakeStart},
    },
};

const IMAGE: &str = "example.local/hello";

fn template() -> Arc<PodTemplateSpec> {
    let container = Container {
        name: "user-container".to_owned(),
        image: Some(IMAGE.to_owned()),
        readiness_probe: Some(Probe {
            tcp_socket: Some(TCPSocketAction::default()),
            ..Probe::default()
        }),
        ..Container::default()
    };
    Arc::new(PodTemplateSpec {
        spec: Some(PodSpec {
            containers: vec![container],
            ..PodSpec::default()
        }),
        ..PodTemplateSpec::default()
    })
}

fn replicas(runtime: &FakeRuntime) -> Replicas {
    replicas_on(Arc::new(runtime.clone()))
}

fn replicas_on(backend: Arc<dyn InstanceRuntime>) -> Replicas {
    let clock = Arc::new(TokioClock::starting_at(jiff::Timestamp::UNIX_EPOCH));
    Replicas::builder(backend).build(clock, Arc::new(Ids::seeded(1)))
}

fn workload(replicas: u32) -> Workload {
    Workload::new(
        WorkloadId::new("default", "hello-00001-deployment"),
        template(),
        replicas,
    )
}

/// Waits until the instances are as `wanted` says.
async fn until(
    replicas: &Replicas,
    wanted: impl Fn(&[Arc<Instance>]) -> bool,
) -> Vec<Arc<Instance>> {
    let mut changes = replicas.watch();
    loop {
        let now = replicas.list().await.unwrap();
        if wanted(&now) {
            return now;
        }
        changes.next().await.unwrap();
    }
}

fn ready(count: usize) -> impl Fn(&[Arc<Instance>]) -> bool {
    move |instances| {
        instances.len() == count && instances.iter().all(|instance| instance.state.is_ready())
    }
}

#[tokio::test(start_paused = true)]
async fn scales_up_and_retires_only_what_is_named() {
    let runtime = FakeRuntime::new().with_image(
        IMAGE,
        FakeImage::hello().start_delay(Duration::from_millis(40)),
    );
    let replicas = replicas(&runtime);
    replicas.apply(&workload(3)).await.unwrap();
    let three = until(&replicas, ready(3)).await;
    assert_eq!(three[0].phases.total(), Duration::from_millis(40));

    replicas.apply(&workload(1)).await.unwrap();
    assert_eq!(replicas.list().await.unwrap().len(), 3, "nothing was named");

    let mut down = workload(1);
    down.retire = vec![three[0].id.clone(), three[2].id.clone()];
    replicas.apply(&down).await.unwrap();
    let one = until(&replicas, ready(1)).await;
    assert_eq!(one[0].id, three[1].id);
    replicas.shutdown().await;
    assert!(runtime.running().is_empty());
}

#[tokio::test(start_paused = true)]
async fn restarts_what_exits_under_the_same_id() {
    let runtime = FakeRuntime::new().with_image(IMAGE, FakeImage::hello());
    let replicas = replicas(&runtime);
    replicas.apply(&workload(1)).await.unwrap();
    let first = until(&replicas, ready(1)).await;
    let exit = Exit {
        container: None,
        code: Some(3),
        message: "boom".to_owned(),
        ..Exit::default()
    };
    runtime.crash(&first[0].id, exit.clone());
    let again = until(&replicas, |now| ready(1)(now) && now[0].restarts == 1).await;
    assert_eq!(
        (&again[0].id, &again[0].last_exit),
        (&first[0].id, &Some(exit))
    );
    assert!(runtime.doubles().is_empty());
}

#[tokio::test(start_paused = true)]
async fn backs_off_and_recovers_when_the_image_appears() {
    let runtime = FakeRuntime::new();
    let replicas = replicas(&runtime);
    replicas.apply(&workload(1)).await.unwrap();
    let failing = until(&replicas, |now| {
        now.iter().any(|instance| {
            matches!(instance.state, InstanceState::BackingOff { .. }) && instance.restarts == 2
        })
    });
    let InstanceState::BackingOff { error, .. } = failing.await[0].state.clone() else {
        panic!("it was backing off");
    };
    assert_eq!(error.reason(), "ImagePullBackOff");
    runtime.set_image(IMAGE, FakeImage::hello());
    until(&replicas, ready(1)).await;
}

#[tokio::test(start_paused = true)]
async fn stops_a_start_that_is_no_longer_wanted() {
    let runtime = FakeRuntime::new().with_image(IMAGE, FakeImage::hello().start(FakeStart::Never));
    let replicas = replicas(&runtime);
    replicas.apply(&workload(2)).await.unwrap();
    until(&replicas, |now| now.len() == 2).await;
    replicas.apply(&workload(0)).await.unwrap();
    until(&replicas, <[_]>::is_empty).await;
    assert!(runtime.running().is_empty() && runtime.starts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn adopts_what_an_earlier_run_left_and_reaps_the_rest() {
    let runtime = FakeRuntime::new().with_image(IMAGE, FakeImage::hello());
    let before = replicas(&runtime);
    before.apply(&workload(2)).await.unwrap();
    let mut other = workload(1);
    other.id = WorkloadId::new("default", "gone");
    before.apply(&other).await.unwrap();
    until(&before, ready(3)).await;
    drop(before);

    let after = replicas(&runtime);
    assert_eq!(after.adopt().await.unwrap(), 3);
    after.apply(&workload(2)).await.unwrap();
    until(&after, ready(2)).await;
    assert_eq!(after.reap(|_| false).await.unwrap(), 1);
    assert_eq!((runtime.running().len(), runtime.starts().len()), (2, 3));
    assert!(runtime.doubles().is_empty());
}

#[tokio::test(start_paused = true)]
async fn evicted_instances_are_replaced() {
    let runtime = FakeRuntime::new().with_image(IMAGE, FakeImage::hello());
    let replicas = replicas(&runtime);
    replicas.apply(&workload(1)).await.unwrap();
    let first = until(&replicas, ready(1)).await;
    replicas.evict(&first[0].id).await.unwrap();
    let second = until(&replicas, |now| ready(1)(now) && now[0].id != first[0].id).await;
    assert_ne!(second[0].id, first[0].id);
}

#[tokio::test(start_paused = true)]
async fn watch_tells_the_current_state_first() {
    let runtime = FakeRuntime::new().with_image(IMAGE, FakeImage::hello());
    let replicas = replicas(&runtime);
    replicas.apply(&workload(1)).await.unwrap();
    until(&replicas, ready(1)).await;
    let told: Vec<Observation> = replicas.watch().take(2).collect().await;
    assert!(
        matches!(&told[..], [Observation::Instance(instance), Observation::Synced] if instance.state.is_ready())
    );
}
