//! A runtime of one's own: each instance is a thread of this program that listens on a port of its own.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use async_trait::async_trait;
use axum::Router;
use futures::stream::{self, BoxStream, StreamExt as _};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use knative_core::{
    http::Endpoint,
    runtime::{
        Capabilities, InstanceEvent, InstanceId, InstanceRuntime, InstanceSpec, Phase, Running,
        RuntimeError, StartError, StartPhases, Started, Unsupported,
    },
};
use parking_lot::Mutex;
use tokio::{
    net::TcpListener,
    task::{JoinHandle, spawn_blocking},
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// What an image is here: a web application, made from an instance's environment.
pub(crate) type App = fn(&BTreeMap<String, String>) -> Router;

/// Runs applications as threads.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    images: BTreeMap<String, (App, Duration)>,
    instances: Mutex<BTreeMap<InstanceId, Thread>>,
}

#[derive(Debug)]
struct Thread {
    spec: InstanceSpec,
    address: Option<SocketAddr>,
    end: CancellationToken,
    kill: CancellationToken,
    server: Option<JoinHandle<()>>,
}

impl Threads {
    /// Makes an application known under a reference; `warm_up` is how long it needs before it can listen.
    #[must_use]
    pub(crate) fn with_image(mut self, reference: &str, app: App, warm_up: Duration) -> Self {
        self.images.insert(reference.to_owned(), (app, warm_up));
        self
    }
}

#[async_trait]
impl InstanceRuntime for Threads {
    fn check(&self, template: &PodTemplateSpec) -> Vec<Unsupported> {
        let containers = template.spec.iter().flat_map(|spec| &spec.containers);
        let surplus = (0..containers.count()).skip(1);
        let refused = |index| {
            Unsupported::refused(
                format!("spec.containers[{index}]"),
                "a thread is one container",
            )
        };
        surplus.map(refused).collect()
    }

    async fn start(&self, spec: &InstanceSpec) -> Result<Started, StartError> {
        let container = spec.serving().cloned().unwrap_or_default();
        let (app, warm_up) = self.images.get(&container.image).copied().ok_or_else(|| {
            StartError::ImageNotFound {
                reference: container.image.clone(),
                hint: "register it with `Threads::with_image`".to_owned(),
            }
        })?;
        let (began, end, kill) = (
            Instant::now(),
            CancellationToken::new(),
            CancellationToken::new(),
        );
        // A start that fails or is given up leaves nothing behind.
        let given_up = end.clone().drop_guard();
        self.note(spec, &end, &kill);
        let listening = async {
            sleep(warm_up).await;
            TcpListener::bind(("127.0.0.1", 0)).await
        };
        let listening = end.run_until_cancelled(listening).await;
        let listener = listening.ok_or(StartError::Stopped)?.map_err(gone)?;
        let address = listener.local_addr().map_err(gone)?;
        let listener = listener.into_std().map_err(gone)?;
        let mut instances = self.instances.lock();
        let thread = instances.get_mut(&spec.id).ok_or(StartError::Stopped)?;
        thread.address = Some(address);
        let app = app(&container.env.into_iter().collect());
        thread.server = Some(spawn_blocking(move || {
            // Nothing is left of it once it ends but a connection that breaks.
            let _ = serve(listener, app, &end, &kill);
        }));
        given_up.disarm();
        let mut phases = StartPhases::new();
        phases.add(Phase::Exec, began.elapsed());
        Ok(Started::new(Endpoint::Tcp(address), phases))
    }

    async fn stop(&self, id: &InstanceId, grace: Duration) -> Result<(), RuntimeError> {
        let removed = self.instances.lock().remove(id);
        let Some(Thread {
            end, kill, server, ..
        }) = removed
        else {
            return Ok(());
        };
        end.cancel();
        if let Some(mut server) = server
            && timeout(grace, &mut server).await.is_err()
        {
            kill.cancel();
            // It ends, well or not.
            let _ = server.await;
        }
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Running>, RuntimeError> {
        let instances = self.instances.lock();
        let alive = instances
            .values()
            .filter(|thread| !thread.end.is_cancelled());
        Ok(alive.map(Thread::running).collect())
    }

    fn watch(&self) -> BoxStream<'static, InstanceEvent> {
        // A thread does not end by itself.
        stream::pending().boxed()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }
}

impl Threads {
    fn note(&self, spec: &InstanceSpec, end: &CancellationToken, kill: &CancellationToken) {
        let mut instances = self.instances.lock();
        instances.retain(|_, thread| !thread.end.is_cancelled());
        let thread = Thread {
            spec: spec.clone(),
            address: None,
            end: end.clone(),
            kill: kill.clone(),
            server: None,
        };
        instances.insert(spec.id.clone(), thread);
    }
}

impl Thread {
    fn running(&self) -> Running {
        let InstanceSpec {
            id,
            workload,
            labels,
            ..
        } = self.spec.clone();
        Running::new(id, workload, labels, self.address.map(Endpoint::Tcp))
    }
}

/// Serves on a runtime of its own, whose end takes every connection with it.
fn serve(
    listener: std::net::TcpListener,
    app: Router,
    end: &CancellationToken,
    kill: &CancellationToken,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        let serving =
            axum::serve(listener, app).with_graceful_shutdown(end.clone().cancelled_owned());
        kill.run_until_cancelled(serving.into_future())
            .await
            .unwrap_or(Ok(()))
    })
}

fn gone(error: std::io::Error) -> StartError {
    StartError::BackendGone {
        message: "no port to listen on".to_owned(),
        source: Some(Box::new(error)),
    }
}
