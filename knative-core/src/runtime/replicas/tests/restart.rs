//! Restarts within an instance, on a backend that says what it is asked for.

use futures::stream::BoxStream;
use parking_lot::Mutex;
use tokio::sync::broadcast;

use super::*;
use crate::{
    http::{Body, Endpoint, Response, boxed},
    runtime::{
        Capabilities, InstanceEvent, InstanceRuntime, InstanceSpec, Running, StartError,
        StartPhases, Started,
    },
};

/// Answers what it is told to, and ever well afterwards.
#[derive(Debug)]
struct Pods {
    asked: Mutex<Vec<&'static str>>,
    restarts: Mutex<Vec<StartError>>,
    events: broadcast::Sender<InstanceEvent>,
}

impl Pods {
    fn new(restarts: impl IntoIterator<Item = StartError>) -> Arc<Self> {
        Arc::new(Self {
            asked: Mutex::default(),
            restarts: Mutex::new(restarts.into_iter().collect()),
            events: broadcast::channel(8).0,
        })
    }

    fn asked(&self, what: &'static str) {
        self.asked.lock().push(what);
    }

    fn end(&self, id: &InstanceId, exit: Exit) {
        let id = id.clone();
        self.events
            .send(InstanceEvent::Exited { id, exit })
            .unwrap();
    }
}

fn started() -> Started {
    let hello = |_| async { Ok(Response::new(Body::from("hello"))) };
    let service = boxed(tower::service_fn(hello));
    Started::new(Endpoint::Service(service), StartPhases::new())
}

#[async_trait]
impl InstanceRuntime for Pods {
    fn check(&self, _: &PodTemplateSpec) -> Vec<Unsupported> {
        Vec::new()
    }

    async fn start(&self, _: &InstanceSpec) -> Result<Started, StartError> {
        self.asked("start");
        Ok(started())
    }

    async fn stop_container(
        &self,
        _: &InstanceId,
        container: &str,
        _: Duration,
    ) -> Result<Exit, RuntimeError> {
        self.asked("stop_container");
        Ok(ended(container, 137))
    }

    async fn restart(&self, _: &InstanceSpec) -> Result<Started, StartError> {
        self.asked("restart");
        self.restarts
            .lock()
            .pop()
            .map_or_else(|| Ok(started()), Err)
    }

    async fn stop(&self, _: &InstanceId, _: Duration) -> Result<(), RuntimeError> {
        self.asked("stop");
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Running>, RuntimeError> {
        Ok(Vec::new())
    }

    fn watch(&self) -> BoxStream<'static, InstanceEvent> {
        InstanceEvent::stream(self.events.subscribe())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            restart: true,
            ..Capabilities::default()
        }
    }
}

fn ended(container: &str, code: i32) -> Exit {
    Exit {
        container: Some(container.to_owned()),
        code: Some(code),
        ..Exit::default()
    }
}

/// Runs a pod, ends something of it, and answers with what is asked for until it has been restarted so often.
async fn asked(pods: &Arc<Pods>, exit: Exit, restarts: u32) -> (Arc<Instance>, Vec<&'static str>) {
    let replicas = replicas_on(pods.clone());
    replicas.apply(&workload(1)).await.unwrap();
    let first = until(&replicas, ready(1)).await;
    pods.end(&first[0].id, exit);
    let again = until(&replicas, |now| {
        ready(1)(now) && now[0].restarts == restarts
    })
    .await;
    (Arc::clone(&again[0]), pods.asked.lock().clone())
}

#[tokio::test(start_paused = true)]
async fn a_container_that_ends_is_restarted_and_counted_by_itself() {
    let (instance, asked) = asked(&Pods::new([]), ended("sidecar", 3), 1).await;
    assert_eq!(asked, ["start", "restart"]);
    let counts = ["sidecar", "user-container"].map(|name| instance.restarts_of(name));
    assert_eq!(counts, [1, 0]);
    assert_eq!(instance.last_exit, Some(ended("sidecar", 3)));
}

#[tokio::test(start_paused = true)]
async fn one_that_ends_again_is_restarted_again() {
    let pods = Pods::new([StartError::CrashLoop(ended("sidecar", 4))]);
    let (instance, asked) = asked(&pods, ended("sidecar", 3), 2).await;
    assert_eq!(asked, ["start", "restart", "restart"]);
    assert_eq!(instance.restarts_of("sidecar"), 2);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_restarted_starts_anew() {
    let lost = StartError::BackendGone {
        message: "its network is gone".to_owned(),
        source: None,
    };
    let (instance, asked) = asked(&Pods::new([lost]), ended("sidecar", 3), 2).await;
    assert_eq!(asked, ["start", "restart", "stop", "start"]);
    let counts = ["sidecar", "user-container"].map(|name| instance.restarts_of(name));
    assert_eq!(counts, [2, 1], "the second time all of it");
}

#[tokio::test(start_paused = true)]
async fn what_the_containers_stand_on_takes_all_with_it() {
    let (_, asked) = asked(&Pods::new([]), Exit::default(), 1).await;
    assert_eq!(asked, ["start", "stop", "start"]);
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_container_is_ended_at_once_and_then_restarted() {
    let pods = Pods::new([]);
    let replicas = replicas_on(pods.clone());
    let mut workload = workload(1);
    let mut template = PodTemplateSpec::clone(&workload.template);
    let spec = template.spec.as_mut().unwrap();
    // No command can be run there.
    spec.containers[0].liveness_probe = Some(Probe {
        exec: Some(k8s_openapi::api::core::v1::ExecAction {
            command: Some(vec!["false".to_owned()]),
        }),
        period_seconds: Some(1),
        failure_threshold: Some(1),
        ..Probe::default()
    });
    workload.template = Arc::new(template);
    replicas.apply(&workload).await.unwrap();
    let again = until(&replicas, |now| ready(1)(now) && now[0].restarts == 1).await;
    assert_eq!(
        pods.asked.lock()[..3],
        ["start", "stop_container", "restart"]
    );
    assert_eq!(again[0].last_exit, Some(ended("user-container", 137)));
}
