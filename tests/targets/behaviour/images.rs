//! The recordings' images on the fake runtime: what they do depends on the variables that they are given.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::stream::BoxStream;
use http::StatusCode;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use knative_core::{
    http::{Body, HttpService, Request, Response, boxed},
    runtime::{
        Capabilities, ContainerSpec, Exit, ImageError, ImageStore, InstanceEvent, InstanceId,
        InstanceRuntime, InstanceSpec, LogOptions, LogStream, PullSecret, ResolvedImage, Running,
        RuntimeError, StartError, Started, Unsupported,
        fake::{FakeImage, FakeRuntime, FakeStart},
    },
};
use parking_lot::Mutex;

/// Answers on its port.
const HELLO: &str = "dev.local/hello";
/// Does what its variables say.
const MULTI: &str = "dev.local/multi";
/// What a container takes to start on a machine that has its image.
const START: Duration = Duration::from_millis(40);

/// A fake machine with the recordings' images and a quota of instances.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    fake: FakeRuntime,
    quota: Arc<AtomicUsize>,
    admitted: Arc<Mutex<BTreeSet<InstanceId>>>,
}

impl Machine {
    /// A machine without a quota.
    pub(crate) fn new() -> Self {
        let fake = FakeRuntime::new()
            .with_image(HELLO, FakeImage::hello())
            .with_image(MULTI, FakeImage::hello());
        Self {
            fake,
            quota: Arc::new(AtomicUsize::new(usize::MAX)),
            admitted: Arc::default(),
        }
    }

    /// Allows at most so many instances from now on.
    pub(crate) fn set_quota(&self, instances: usize) {
        self.quota.store(instances, Ordering::Relaxed);
    }

    fn check_quota(&self, id: &InstanceId) -> Result<(), StartError> {
        let quota = self.quota.load(Ordering::Relaxed);
        let mut admitted = self.admitted.lock();
        let used = admitted.len();
        if admitted.contains(id) || used < quota {
            admitted.insert(id.clone());
            return Ok(());
        }
        Err(StartError::Unschedulable {
            message: format!(
                "exceeded quota: q, requested: pods=1, used: pods={used}, limited: pods={quota}"
            ),
        })
    }
}

#[async_trait]
impl InstanceRuntime for Machine {
    fn check(&self, template: &PodTemplateSpec) -> Vec<Unsupported> {
        self.fake.check(template)
    }

    async fn start(&self, spec: &InstanceSpec) -> Result<Started, StartError> {
        self.check_quota(&spec.id)?;
        let mut spec = spec.clone();
        let scripted = format!("dev.local/instances/{}", spec.id);
        for container in &mut spec.containers {
            if let Some(image) = image(container) {
                self.fake.set_image(&scripted, image);
                container.image.clone_from(&scripted);
            }
        }
        self.fake.start(&spec).await
    }

    async fn stop(&self, id: &InstanceId, grace: Duration) -> Result<(), RuntimeError> {
        self.fake.stop(id, grace).await?;
        self.admitted.lock().remove(id);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Running>, RuntimeError> {
        self.fake.list().await
    }

    fn watch(&self) -> BoxStream<'static, InstanceEvent> {
        self.fake.watch()
    }

    fn capabilities(&self) -> Capabilities {
        self.fake.capabilities()
    }

    async fn logs(&self, id: &InstanceId, options: &LogOptions) -> Result<LogStream, RuntimeError> {
        self.fake.logs(id, options).await
    }
}

#[async_trait]
impl ImageStore for Machine {
    async fn resolve(
        &self,
        reference: &str,
        secrets: &[PullSecret],
        timeout: Duration,
    ) -> Result<ResolvedImage, ImageError> {
        self.fake.resolve(reference, secrets, timeout).await
    }
}

/// What a container of a known image does.
fn image(container: &ContainerSpec) -> Option<FakeImage> {
    let name = container.image.split(['@', ':']).next().unwrap_or_default();
    match name {
        HELLO => Some(FakeImage::hello().start_delay(START)),
        MULTI => Some(multi(&container.env.iter().cloned().collect())),
        _ => None,
    }
}

fn multi(env: &BTreeMap<String, String>) -> FakeImage {
    let text = |name: &str| env.get(name).cloned();
    let seconds = |name: &str| {
        let value = env.get(name).and_then(|text| text.parse().ok());
        value.map(Duration::from_secs)
    };
    let said = text("SAY").map_or_else(String::new, |said| format!("{said}\n"));
    let delay = seconds("DELAY").unwrap_or_default();
    let image = FakeImage::serving(service(text("TARGET"))).start_delay(START + delay);
    let code = text("EXIT").and_then(|code| code.parse().ok());
    match (code, seconds("EXIT_AFTER")) {
        (Some(code), None) => image.start(FakeStart::Exit(code, said)),
        (Some(code), Some(after)) => {
            let exit = Exit {
                container: None,
                code: Some(code),
                message: said,
                ..Exit::default()
            };
            image.exit_after(after, exit)
        }
        (None, _) if deaf(env) => image.start(FakeStart::Never),
        (None, _) => image,
    }
}

/// Whether nothing listens on the port that is asked for.
fn deaf(env: &BTreeMap<String, String>) -> bool {
    let elsewhere = env
        .get("LISTEN_PORT")
        .is_some_and(|port| env.get("PORT") != Some(port));
    elsewhere || env.get("LISTEN").is_some_and(|listen| listen == "no")
}

fn service(target: Option<String>) -> HttpService {
    let target = target.unwrap_or_default();
    boxed(tower::service_fn(move |request: Request| {
        let target = target.clone();
        async move { Ok::<_, Infallible>(answer(request, &target).await) }
    }))
}

async fn answer(request: Request, target: &str) -> Response {
    let (parts, _) = request.into_parts();
    let query = parts.uri.query();
    let sleep = query.and_then(|query| query.strip_prefix("sleep="));
    if let Some(wait) = sleep.and_then(|wait| wait.parse().ok()) {
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
    let failing = parts.uri.path() == "/fail";
    let text = if failing {
        "failing\n".to_owned()
    } else {
        format!("Hello {target}\n")
    };
    let mut response = Response::new(Body::from(text));
    if failing {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    response
}
