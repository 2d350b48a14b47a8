//! Gateway, scaler and fake runtime together, under paused time.

use std::{collections::BTreeMap, convert::Infallible, time::Duration};

use futures::future::join_all;
use http::StatusCode;
use http_body_util::BodyExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use knative_core::{
    Ids, TokioClock,
    http::{Body, HttpService, Request, Response, boxed},
    runtime::{
        Exit, Replicas, WorkloadId,
        fake::{FakeImage, FakeRuntime, FakeStart},
    },
};
use tokio::{task::JoinSet, time::Instant};
use tower::ServiceExt;

use super::*;
use crate::{
    api::networking::ingress::{
        HttpIngressPath, HttpIngressRuleValue, IngressBackendSplit, IngressRule, IngressSpec,
    },
    autoscaler::{bounds::Bounds, scale::Activity},
    config::Autoscaler,
    gateway::{Gateway, IngressKey, RevisionConfig, RevisionKey},
};

const START: Duration = Duration::from_millis(40);

struct World {
    gateway: Gateway,
    control: GatewayHandle,
    scaler: ScalerHandle,
    runtime: FakeRuntime,
    _tasks: JoinSet<()>,
}

/// Takes `time` for each answer.
fn taking(time: Duration) -> HttpService {
    let answer = move |_: Request| async move {
        tokio::time::sleep(time).await;
        Ok::<_, Infallible>(Response::new(Body::from("done")))
    };
    boxed(tower::service_fn(answer))
}

impl World {
    fn new(service: HttpService) -> Self {
        let image = FakeImage::serving(service).start_delay(START);
        Self::on(&FakeRuntime::new().with_image("hello", image))
    }

    fn on(runtime: &FakeRuntime) -> Self {
        let clock = Arc::new(TokioClock::starting_at(Timestamp::UNIX_EPOCH));
        let replicas = Replicas::builder(Arc::new(runtime.clone()))
            .build(clock.clone(), Arc::new(Ids::seeded(1)));
        let replicas = Arc::new(replicas);
        let gateway = Gateway::new(Arc::new(Ids::seeded(2)));
        let control = gateway.handle();
        let scaler = Scaler::new(control.clone(), Arc::clone(&replicas) as _);
        let handle = scaler.handle();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            replicas.adopt().await.unwrap();
            scaler.scale(clock, CancellationToken::new()).await;
        });
        Self {
            gateway,
            control,
            scaler: handle,
            runtime: runtime.clone(),
            _tasks: tasks,
        }
    }

    /// Serves a revision at the host of its name.
    fn add(&self, name: &str, annotations: &[(&str, &str)], concurrency: u32) -> RevisionKey {
        self.add_with(name, annotations, concurrency, |_| {})
    }

    fn add_with(
        &self,
        name: &str,
        annotations: &[(&str, &str)],
        concurrency: u32,
        change: impl FnOnce(&mut ScaleTarget),
    ) -> RevisionKey {
        let key = RevisionKey::new("default", name);
        let workload = WorkloadId::new("default", format!("{name}-deployment"));
        let mut config = RevisionConfig::new(workload.clone());
        config.container_concurrency = concurrency;
        self.control.set_revision(&key, config);
        let mut target = target(&key, workload, annotations, concurrency);
        change(&mut target);
        self.scaler.set(target);
        let split = IngressBackendSplit {
            service_namespace: "default".to_owned(),
            service_name: name.to_owned(),
            percent: 100,
            ..IngressBackendSplit::default()
        };
        let path = HttpIngressPath {
            splits: vec![split],
            ..HttpIngressPath::default()
        };
        let rule = IngressRule {
            hosts: vec![name.to_owned()],
            http: Some(HttpIngressRuleValue { paths: vec![path] }),
            ..IngressRule::default()
        };
        let spec = IngressSpec {
            rules: vec![rule],
            ..IngressSpec::default()
        };
        self.control
            .set_ingress(&IngressKey::new("default", name), &spec);
        key
    }

    async fn call(&self, host: &str) -> StatusCode {
        let request = http::Request::get(format!("http://{host}/"))
            .body(Body::empty())
            .unwrap();
        let response = self.gateway.clone().oneshot(request).await.unwrap();
        let status = response.status();
        response.into_body().collect().await.unwrap();
        status
    }

    /// Waits until the status of a revision is as wanted; the paused clock runs meanwhile.
    async fn until(
        &self,
        key: &RevisionKey,
        wanted: impl Fn(&ScaleStatus) -> bool,
    ) -> Arc<ScaleStatus> {
        let deadline = Instant::now() + Duration::from_secs(3600);
        while Instant::now() < deadline {
            let status = self.scaler.status(key);
            if let Some(status) = status.filter(|status| wanted(status)) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("still {:?}", self.scaler.status(key));
    }
}

fn target(
    key: &RevisionKey,
    workload: WorkloadId,
    annotations: &[(&str, &str)],
    concurrency: u32,
) -> ScaleTarget {
    let full = |(name, value): &(&str, &str)| {
        (
            format!("autoscaling.knative.dev/{name}"),
            (*value).to_owned(),
        )
    };
    let annotations: BTreeMap<String, String> = annotations.iter().map(full).collect();
    let config = Autoscaler {
        allow_zero_initial_scale: true,
        ..Autoscaler::default()
    };
    let bounds = Bounds::resolve(&annotations, concurrency.into(), "Reachable", &config);
    let container = Container {
        name: "user-container".to_owned(),
        image: Some("hello".to_owned()),
        ..Container::default()
    };
    let template = PodTemplateSpec {
        spec: Some(PodSpec {
            containers: vec![container],
            ..PodSpec::default()
        }),
        ..PodTemplateSpec::default()
    };
    ScaleTarget::new(key.clone(), workload, Arc::new(template), bounds)
}

#[tokio::test(start_paused = true)]
async fn a_revision_at_zero_wakes_in_the_time_that_its_instance_needs() {
    let world = World::new(taking(Duration::ZERO));
    let key = world.add("hello", &[("initial-scale", "0")], 0);
    let status = world.until(&key, |status| status.activity.is_some()).await;
    assert_eq!(status.activity, Some(Activity::NoTraffic));
    assert!(world.runtime.starts().is_empty());
    let start = Instant::now();
    assert_eq!(world.call("hello").await, StatusCode::OK);
    assert_eq!(start.elapsed(), START);
    let status = world
        .until(&key, |status| status.activity == Some(Activity::Active))
        .await;
    assert_eq!((status.desired_scale, status.actual_scale), (Some(1), 1));
    assert_eq!(world.runtime.starts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_revision_goes_to_zero_after_a_stable_window_and_comes_back() {
    let world = World::new(taking(Duration::ZERO));
    let key = world.add("hello", &[("window", "10s")], 0);
    world
        .until(&key, |status| status.activity == Some(Activity::Active))
        .await;
    assert_eq!(world.call("hello").await, StatusCode::OK);
    let quiet = Instant::now();
    world
        .until(&key, |status| status.activity == Some(Activity::NoTraffic))
        .await;
    assert!(
        quiet.elapsed() >= Duration::from_secs(10),
        "{:?}",
        quiet.elapsed()
    );
    while !world.runtime.running().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(
        quiet.elapsed() < Duration::from_secs(45),
        "{:?}",
        quiet.elapsed()
    );
    assert_eq!(world.call("hello").await, StatusCode::OK);
    assert_eq!(world.runtime.starts().len(), 2);
    assert!(world.runtime.doubles().is_empty());
}

#[tokio::test(start_paused = true)]
async fn load_adds_instances_and_their_end_takes_them_away_without_a_failure() {
    let world = World::new(taking(Duration::from_secs(3)));
    let key = world.add(
        "hello",
        &[("window", "10s"), ("target-utilization-percentage", "100")],
        1,
    );
    let until = Instant::now() + Duration::from_secs(60);
    let client = async || {
        let mut answers = Vec::new();
        while Instant::now() < until {
            answers.push(world.call("hello").await);
        }
        answers
    };
    let watch = async {
        let mut most = 0;
        while Instant::now() < until {
            most = most.max(world.runtime.running().len());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        most
    };
    let clients = join_all((0..8).map(|_| client()));
    let (answers, most) = tokio::join!(clients, watch);
    assert!(
        answers
            .iter()
            .flatten()
            .all(|status| *status == StatusCode::OK)
    );
    assert!(most >= 8, "{most}");
    let one = async {
        world
            .until(&key, |status| status.activity == Some(Activity::NoTraffic))
            .await
    };
    one.await;
    while !world.runtime.running().is_empty() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn minimum_and_removal_are_obeyed() {
    let world = World::new(taking(Duration::ZERO));
    let key = world.add("hello", &[("min-scale", "2")], 0);
    let status = world.until(&key, |status| status.actual_scale == 2).await;
    assert_eq!(
        (status.activity.clone(), status.initialized),
        (Some(Activity::Active), true)
    );
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(world.runtime.running().len(), 2);
    world.scaler.remove(&key);
    while !world.runtime.running().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(world.scaler.status(&key).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_before_the_scaler_knows_its_revision_is_served() {
    let world = World::new(taking(Duration::ZERO));
    let key = world.add("hello", &[("initial-scale", "0")], 0);
    world.until(&key, |status| status.activity.is_some()).await;
    world.scaler.remove(&key);
    while world.scaler.status(&key).is_some() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let late = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.add("hello", &[("initial-scale", "0")], 0);
    };
    let (status, ()) = tokio::join!(world.call("hello"), late);
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_crashed_instance_is_replaced_and_the_next_request_waits_for_it() {
    let world = World::new(taking(Duration::ZERO));
    let key = world.add("hello", &[], 0);
    world.until(&key, |status| status.actual_scale == 1).await;
    let id = world.runtime.running().remove(0);
    world.runtime.crash(&id, Exit::default());
    world.until(&key, |status| status.actual_scale == 0).await;
    assert_eq!(world.call("hello").await, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn many_wakes_at_once_take_no_longer_than_one() {
    let world = World::new(taking(Duration::ZERO));
    let names: Vec<String> = (0..300).map(|number| format!("hello-{number}")).collect();
    for name in &names {
        world.add(name, &[("initial-scale", "0")], 0);
    }
    let last = RevisionKey::new("default", "hello-299");
    world.until(&last, |status| status.activity.is_some()).await;
    let start = Instant::now();
    let answers = join_all(names.iter().map(|name| world.call(name))).await;
    assert!(answers.iter().all(|status| *status == StatusCode::OK));
    assert_eq!(start.elapsed(), START);
}

#[tokio::test(start_paused = true)]
async fn a_scaler_that_starts_again_keeps_what_runs() {
    let world = World::new(taking(Duration::ZERO));
    let key = world.add("hello", &[("min-scale", "3")], 0);
    world.until(&key, |status| status.actual_scale == 3).await;
    let runtime = world.runtime.clone();
    drop(world);
    let again = World::on(&runtime);
    again.add_with("hello", &[], 0, |target| {
        target.status.desired_scale = Some(3);
        target.status.mark_active(Timestamp::UNIX_EPOCH);
    });
    let status = again.until(&key, |status| status.actual_scale == 3).await;
    assert_eq!(status.activity, Some(Activity::Active));
    assert_eq!(again.call("hello").await, StatusCode::OK);
    assert_eq!((runtime.starts().len(), runtime.running().len()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_wake_that_comes_to_nothing_is_given_up() {
    let image = FakeImage::hello().start(FakeStart::Never);
    let world = World::on(&FakeRuntime::new().with_image("hello", image));
    let key = world.add("hello", &[("initial-scale", "0"), ("window", "6s")], 0);
    world.until(&key, |status| status.activity.is_some()).await;
    assert_eq!(world.call("hello").await, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(
        world.scaler.status(&key).unwrap().activity,
        Some(Activity::Activating)
    );
    let status = world.until(&key, |status| status.requested == 0).await;
    assert_eq!(status.activity, Some(Activity::NoTraffic));
    while !world.runtime.running().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_revision_of_the_same_name_gets_instances_of_its_own() {
    let world = World::new(taking(Duration::ZERO));
    let key = world.add("hello", &[("min-scale", "1")], 0);
    world.until(&key, |status| status.actual_scale == 1).await;
    let before = world.runtime.running();
    // Both are told before the scaler looks.
    world.scaler.remove(&key);
    world.add("hello", &[("min-scale", "1")], 0);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let after = world.runtime.running();
    assert_eq!((after.len(), world.runtime.starts().len()), (1, 2));
    assert_ne!(before, after);
    assert_eq!(world.call("hello").await, StatusCode::OK);
}
