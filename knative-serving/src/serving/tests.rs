mod harness;

use std::time::Duration;

use k8s_openapi::api::core::v1::{Endpoints, Pod};
use knative_core::http::{Body, Request, Response, boxed};
use knative_core::runtime::Exit;
use knative_core::runtime::fake::{FakeImage, FakeRuntime, FakeStart};
use serde_json::{Value, json};

use self::harness::Harness;
use crate::api::Service;

const HELLO: &str = "dev.local/hello:1";
const HOST: &str = "hello.default.localhost";
const ANSWER: (u16, &str) = (200, "Hello World!\n");

fn machine() -> FakeRuntime {
    let start = Duration::from_millis(40);
    FakeRuntime::new().with_image(HELLO, FakeImage::hello().start_delay(start))
}

fn service(image: &str) -> Value {
    json!({
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "hello", "namespace": "default"},
        "spec": {"template": {"spec": {"containers": [{"image": image}]}}},
    })
}

fn update(target: &str) -> Value {
    let env = json!([{"name": "TARGET", "value": target}]);
    json!({"spec": {"template": {"spec": {"containers": [{"image": HELLO, "env": env}]}}}})
}

/// Revision, percent and tag of each target in the status.
fn traffic(service: &Service) -> Vec<(&str, i64, &str)> {
    let status = service.status.iter().flat_map(|status| &status.traffic);
    status
        .map(|target| {
            let percent = target.percent.unwrap_or_default();
            (target.revision_name.as_str(), percent, target.tag.as_str())
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn from_the_first_revision_to_a_rollback_and_back_to_zero() {
    let platform = Harness::start(machine(), 1).await;
    platform.create(service(HELLO)).await;
    let ready = platform.ready("hello").await;
    let url = ready.status.as_ref().and_then(|status| status.url.clone());
    assert_eq!(url.as_deref(), Some("http://hello.default.localhost"));
    assert_eq!(traffic(&ready), [("hello-00001", 100, "")]);

    platform.rests().await;
    assert_eq!(platform.call(HOST).await, ANSWER, "from zero");

    platform.patch("hello", update("two")).await;
    let ready = platform.ready("hello").await;
    assert_eq!(traffic(&ready), [("hello-00002", 100, "")]);

    let split = json!([
        {"revisionName": "hello-00001", "percent": 50, "tag": "old"},
        {"latestRevision": true, "percent": 50, "tag": "new"},
    ]);
    platform
        .patch("hello", json!({"spec": {"traffic": split}}))
        .await;
    let ready = platform.ready("hello").await;
    let halves = [("hello-00001", 50, "old"), ("hello-00002", 50, "new")];
    assert_eq!(traffic(&ready), halves);
    for host in [HOST, "old-hello.default.localhost", "new-hello.default.svc"] {
        assert_eq!(platform.call(host).await, ANSWER, "{host}");
    }

    let back = json!([{"revisionName": "hello-00001", "percent": 100}]);
    platform
        .patch("hello", json!({"spec": {"traffic": back}}))
        .await;
    let ready = platform.ready("hello").await;
    assert_eq!(traffic(&ready), [("hello-00001", 100, "")]);
    assert_eq!(platform.call("old-hello.default.localhost").await.0, 404);

    platform.rests().await;
    assert_eq!(platform.call(HOST).await, ANSWER, "from zero again");
    assert_eq!(platform.machine.doubles(), []);
    platform.stop().await;
}

/// What was written and decided, in order.
async fn history(seed: u64) -> Vec<String> {
    let platform = Harness::start(machine(), seed).await;
    let recorder = platform.record().await;
    for name in ["a", "b", "c"] {
        let mut service = service(HELLO);
        service["metadata"]["name"] = json!(name);
        platform.create(service).await;
    }
    for name in ["a", "b", "c"] {
        platform.ready(name).await;
        let host = format!("{name}.default.localhost");
        assert_eq!(platform.call(&host).await, ANSWER);
    }
    platform.rests().await;
    let mut history = recorder.taken();
    history.extend(platform.machine.starts().iter().map(ToString::to_string));
    platform.stop().await;
    history
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let run = |seed| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(history(seed))
    };
    let (first, again, other) = (run(7), run(7), run(8));
    assert!(first.len() > 100, "{first:?}");
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_appears_later_is_found() {
    let platform = Harness::start(machine(), 1).await;
    platform.create(service("example.local/later:1")).await;
    let reason = platform.reason("hello", "ConfigurationsReady").await;
    assert_eq!(reason, "RevisionFailed");
    platform
        .machine
        .set_image("example.local/later", FakeImage::hello());
    let ready = platform.ready("hello").await;
    assert!(ready.is_ready());
    let revision = platform.revision("hello-00001").await;
    let digest = &revision.status.unwrap().container_statuses[0].image_digest;
    assert!(
        digest.starts_with("example.local/later@sha256:"),
        "{digest}"
    );
    platform.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_program_that_exits_fails_its_revision_at_the_deadline() {
    let image = FakeImage::hello().start(FakeStart::Exit(3, "no database".to_owned()));
    let platform = Harness::start(machine().with_image("dev.local/exits", image), 1).await;
    let mut service = service("dev.local/exits");
    service["spec"]["template"]["metadata"] =
        json!({"annotations": {"serving.knative.dev/progress-deadline": "15s"}});
    platform.create(service).await;
    let reason = platform.reason("hello", "ConfigurationsReady").await;
    assert_eq!(reason, "RevisionFailed");
    let revision = platform.revision("hello-00001").await;
    let status = revision.status.unwrap();
    let healthy = knative_core::Conditioned::condition(&status, "ContainerHealthy").unwrap();
    assert_eq!(
        (healthy.reason.as_str(), healthy.message.as_str()),
        ("ExitCode3", "Container failed with: no database")
    );
    platform.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_a_ready_revision_is_told_at_once_and_so_is_its_recovery() {
    let platform = Harness::start(machine(), 1).await;
    platform.create(service(HELLO)).await;
    platform.ready("hello").await;
    let exit = Exit {
        code: Some(2),
        message: "soon gone".to_owned(),
        ..Exit::default()
    };
    platform.machine.crash(&platform.machine.running()[0], exit);
    let reason = platform.reason("hello", "Ready").await;
    assert!(
        ["RevisionMissing", "RevisionFailed"].contains(&reason.as_str()),
        "{reason}"
    );
    let status = platform.revision("hello-00001").await.status.unwrap();
    let healthy = knative_core::Conditioned::condition(&status, "ContainerHealthy").unwrap();
    assert_eq!(
        (healthy.reason.as_str(), healthy.message.as_str()),
        ("ExitCode2", "Container failed with: soon gone")
    );
    platform.ready("hello").await;
    platform.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_of_a_service_that_is_deleted_is_answered() {
    let slow = boxed(tower::service_fn(|_: Request| async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        Ok(Response::new(Body::from("Hello World!\n")))
    }));
    let platform = Harness::start(
        FakeRuntime::new().with_image(HELLO, FakeImage::serving(slow)),
        1,
    )
    .await;
    platform.create(service(HELLO)).await;
    platform.ready("hello").await;
    let delete = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        platform.delete::<Service>("hello").await;
        tokio::time::sleep(Duration::from_secs(15)).await;
        platform.machine.running().len()
    };
    let (answer, running) = tokio::join!(platform.call(HOST), delete);
    assert_eq!((answer, running), (ANSWER, 1));
    platform.rests().await;
    assert_eq!(platform.machine.starts().len(), 1);
    platform.stop().await;
}

#[tokio::test(start_paused = true)]
async fn several_containers_are_refused_by_a_runtime_of_one() {
    let platform = Harness::start(machine(), 1).await;
    let mut service = service(HELLO);
    service["spec"]["template"]["spec"]["containers"] = json!([
        {"image": HELLO, "ports": [{"containerPort": 8080}]},
        {"image": HELLO},
    ]);
    platform.create(service).await;
    platform.reason("hello", "ConfigurationsReady").await;
    let revision = platform.revision("hello-00001").await;
    let status = revision.status.unwrap();
    let available = knative_core::Conditioned::condition(&status, "ResourcesAvailable").unwrap();
    assert_eq!(available.reason, "Unsupported");
    assert!(available.message.starts_with("spec.containers: "));
    assert_eq!(platform.machine.starts(), []);
    platform.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_runs_is_shown_and_a_deleted_pod_is_replaced() {
    let platform = Harness::start(machine(), 1).await;
    let mut service = service(HELLO);
    service["spec"]["template"]["metadata"] =
        json!({"annotations": {"autoscaling.knative.dev/min-scale": "1"}});
    platform.create(service).await;
    platform.ready("hello").await;
    let first = platform.pods(1).await;
    platform.delete::<Pod>(&first[0]).await;
    let mut second = first.clone();
    while second == first || second.len() != 1 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        second = platform.pods(1).await;
    }
    assert_eq!(platform.machine.running().len(), 1);
    assert_eq!(platform.machine.running()[0].as_str(), second[0]);
    assert!(platform.has::<Endpoints>("hello-00001-private").await);
    platform.delete::<Service>("hello").await;
    platform.rests().await;
    platform.pods(0).await;
    assert!(!platform.has::<Endpoints>("hello-00001-private").await);
    platform.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_is_told_once_however_many_others_there_are() {
    let platform = Harness::start(machine(), 1).await;
    let mut service = service(HELLO);
    service["spec"]["template"]["metadata"] =
        json!({"annotations": {"autoscaling.knative.dev/min-scale": "2"}});
    platform.create(service).await;
    platform.ready("hello").await;
    let exits = FakeImage::hello().start(FakeStart::Exit(3, "no database".to_owned()));
    platform.machine.set_image(HELLO, exits);
    for id in platform.machine.running() {
        platform.machine.crash(&id, Exit::default());
        tokio::time::sleep(Duration::from_millis(2500)).await;
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    let (told, crashes) = (
        platform.told("BackOff").await,
        platform.restarts().await + 2,
    );
    assert!((2..=crashes).contains(&told), "{told} of {crashes}");
    platform.stop().await;
}

#[tokio::test(start_paused = true)]
async fn many_services_become_ready() {
    let platform = Harness::start(machine(), 1).await;
    for index in 0..100 {
        let mut service = service(HELLO);
        service["metadata"]["name"] = json!(format!("s-{index}"));
        platform.create(service).await;
    }
    for index in 0..100 {
        platform.ready(&format!("s-{index}")).await;
    }
    platform.stop().await;
}
