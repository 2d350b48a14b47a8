//! Instances in reserve, and those that an earlier run left, in the moments that lie between.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::*;

/// A workload that keeps instances in reserve.
pub(super) fn reserved(kind: &str, replicas: u32) -> Workload {
    let mut workload = workload(replicas);
    let mut template = (*workload.template).clone();
    template.metadata = Some(ObjectMeta {
        annotations: Some([("standby.knative.dev/kind".to_owned(), kind.to_owned())].into()),
        ..ObjectMeta::default()
    });
    workload.template = Arc::new(template);
    workload
}

pub(super) fn waits(count: usize) -> impl Fn(&[Arc<Instance>]) -> bool {
    move |instances| {
        instances.len() == count
            && instances
                .iter()
                .all(|instance| matches!(instance.state, InstanceState::Standby))
    }
}

#[tokio::test(start_paused = true)]
async fn wanted_again_in_the_same_moment_it_runs_on() {
    let runtime = FakeRuntime::new().with_image(IMAGE, FakeImage::hello());
    let replicas = replicas(&runtime);
    let mut workload = reserved("paused", 1);
    replicas.apply(&workload).await.unwrap();
    let first = until(&replicas, ready(1)).await;
    workload.retire = vec![first[0].id.clone()];
    workload.replicas = 0;
    replicas.apply(&workload).await.unwrap();
    workload.retire.clear();
    workload.replicas = 1;
    replicas.apply(&workload).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let now = until(&replicas, ready(1)).await;
    assert_eq!(now[0].id, first[0].id);
    assert!(runtime.paused().is_empty() && runtime.doubles().is_empty());
    assert_eq!(runtime.starts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_without_a_place_is_stopped_and_nobody_waits_for_its_end() {
    let image = FakeImage::hello().stop_delay(Duration::from_secs(20));
    let runtime = FakeRuntime::new().with_image(IMAGE, image);
    let clock = Arc::new(TokioClock::starting_at(jiff::Timestamp::UNIX_EPOCH));
    let builder = Replicas::builder(Arc::new(runtime.clone())).standby_memory(0);
    let replicas = builder.build(clock, Arc::new(Ids::seeded(1)));
    let mut workload = reserved("paused", 1);
    replicas.apply(&workload).await.unwrap();
    let first = until(&replicas, ready(1)).await;
    workload.retire = vec![first[0].id.clone()];
    workload.replicas = 0;
    runtime.use_memory(1);
    replicas.apply(&workload).await.unwrap();
    until(&replicas, |now| {
        matches!(now[0].state, InstanceState::Stopping)
    })
    .await;
    workload.retire.clear();
    workload.replicas = 1;
    let asked = tokio::time::Instant::now();
    replicas.apply(&workload).await.unwrap();
    until(&replicas, |now| now.iter().any(|one| one.state.is_ready())).await;
    assert!(
        asked.elapsed() < Duration::from_secs(1),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_paused_one_is_kept_for_as_long_as_its_workload_says() {
    let runtime = FakeRuntime::new().with_image(IMAGE, FakeImage::hello());
    let replicas = replicas(&runtime);
    let mut workload = reserved("paused", 1);
    let mut template = (*workload.template).clone();
    if let Some(annotations) = template
        .metadata
        .as_mut()
        .and_then(|metadata| metadata.annotations.as_mut())
    {
        annotations.insert("standby.knative.dev/keep".to_owned(), "5m".to_owned());
    }
    workload.template = Arc::new(template);
    replicas.apply(&workload).await.unwrap();
    let first = until(&replicas, ready(1)).await;
    workload.retire = vec![first[0].id.clone()];
    workload.replicas = 0;
    let paused = tokio::time::Instant::now();
    replicas.apply(&workload).await.unwrap();
    until(&replicas, waits(1)).await;
    until(&replicas, <[_]>::is_empty).await;
    assert_eq!(paused.elapsed().as_secs(), 300);
    assert!(runtime.running().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_ended_before_it_was_claimed_is_started_anew() {
    let runtime = FakeRuntime::new().with_image(IMAGE, FakeImage::hello());
    let before = replicas(&runtime);
    before.apply(&workload(1)).await.unwrap();
    let first = until(&before, ready(1)).await;
    drop(before);

    let after = replicas(&runtime);
    assert_eq!(after.adopt().await.unwrap(), 1);
    runtime.crash(&first[0].id, Exit::default());
    // The exit is on its way to whoever listens.
    tokio::task::yield_now().await;
    after.apply(&workload(1)).await.unwrap();
    until(&after, ready(1)).await;
    assert_eq!(runtime.starts().len(), 2);
    assert_eq!(runtime.running().len(), 1);
}
