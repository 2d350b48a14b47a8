//! What is told of starts and instances.

use super::{
    reserve::{reserved, waits},
    *,
};
use crate::metrics::Registry;

/// Fails unless all of these lines are told.
fn tells(replicas: &Replicas, lines: &[&str]) {
    let registry = Registry::new();
    registry.register(Arc::clone(&replicas.shared) as _);
    let text = registry.render();
    for line in lines {
        assert!(text.lines().any(|told| told == *line), "{line} in {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn phases_of_starts_that_succeed() {
    let image = FakeImage::hello().start_delay(Duration::from_millis(40));
    let runtime = FakeRuntime::new().with_image(IMAGE, image);
    let replicas = replicas(&runtime);
    replicas.apply(&workload(2)).await.unwrap();
    until(&replicas, ready(2)).await;
    tells(
        &replicas,
        &[
            "knative_instance_start_phase_duration_seconds_bucket{phase=\"exec\",le=\"0.025\"} 0",
            "knative_instance_start_phase_duration_seconds_bucket{phase=\"exec\",le=\"0.05\"} 2",
            "knative_instance_start_phase_duration_seconds_sum{phase=\"exec\"} 0.08",
            "knative_instance_start_phase_duration_seconds_count{phase=\"ready\"} 2",
            "knative_instance_start_phase_duration_seconds_count{phase=\"image\"} 0",
            "knative_instance_start_failures_total{reason=\"crash\"} 0",
            "knative_instances{state=\"ready\"} 2",
            "knative_instances{state=\"backing_off\"} 0",
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn reasons_of_starts_that_fail() {
    let image = FakeImage::hello().start(FakeStart::Exit(3, "boom".to_owned()));
    let runtime = FakeRuntime::new().with_image(IMAGE, image);
    let replicas = replicas(&runtime);
    replicas.apply(&workload(1)).await.unwrap();
    until(&replicas, |now| {
        matches!(now[0].state, InstanceState::BackingOff { failures: 2, .. })
    })
    .await;
    tells(
        &replicas,
        &[
            "knative_instance_start_failures_total{reason=\"crash\"} 2",
            "knative_instance_start_failures_total{reason=\"timeout\"} 0",
            "knative_instance_start_phase_duration_seconds_count{phase=\"ready\"} 0",
            "knative_instances{state=\"backing_off\"} 1",
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_was_ready_and_ends_is_no_failed_start() {
    let runtime = FakeRuntime::new().with_image(IMAGE, FakeImage::hello());
    let replicas = replicas(&runtime);
    replicas.apply(&workload(1)).await.unwrap();
    let first = until(&replicas, ready(1)).await;
    runtime.crash(&first[0].id, Exit::default());
    until(&replicas, |now| ready(1)(now) && now[0].restarts == 1).await;
    tells(
        &replicas,
        &[
            "knative_instance_start_failures_total{reason=\"crash\"} 0",
            "knative_instance_start_phase_duration_seconds_count{phase=\"ready\"} 2",
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn adoption_is_no_start_and_going_on_is_one() {
    let runtime = FakeRuntime::new().with_image(IMAGE, FakeImage::hello());
    let before = replicas(&runtime);
    let mut workload = reserved("paused", 1);
    before.apply(&workload).await.unwrap();
    until(&before, ready(1)).await;
    drop(before);
    let replicas = replicas(&runtime);
    replicas.adopt().await.unwrap();
    replicas.apply(&workload).await.unwrap();
    let first = until(&replicas, ready(1)).await;
    let counted = |phase: &str, count: u64| {
        let name = "knative_instance_start_phase_duration_seconds_count";
        tells(
            &replicas,
            &[&format!("{name}{{phase=\"{phase}\"}} {count}")],
        );
    };
    counted("ready", 0);

    workload.retire = vec![first[0].id.clone()];
    workload.replicas = 0;
    replicas.apply(&workload).await.unwrap();
    until(&replicas, waits(1)).await;
    tells(&replicas, &["knative_instances{state=\"standby\"} 1"]);
    workload.replicas = 1;
    replicas.apply(&workload).await.unwrap();
    until(&replicas, ready(1)).await;
    counted("exec", 1);
    counted("ready", 1);
}
