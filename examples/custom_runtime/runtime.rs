//! A runtime of one's own: each instance is a thread of this program that listens on a port of its own.

use std::{collections::BTreeMap, io, net::TcpListener, time::Duration};

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
    sync::oneshot::{self, Sender},
    task::spawn_blocking,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

/// What an image is here: a web application, made on the instance's thread from its environment.
pub(crate) type App = fn(&BTreeMap<String, String>) -> Router;

/// Runs applications as threads.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    /// What can be run, by reference.
    pub(crate) images: BTreeMap<String, App>,
    instances: Mutex<BTreeMap<InstanceId, (Running, Life)>>,
}

/// The turns of an instance's life.
#[derive(Clone, Debug, Default)]
struct Life {
    drain: CancellationToken,
    kill: CancellationToken,
    ended: CancellationToken,
}

#[async_trait]
impl InstanceRuntime for Threads {
    fn check(&self, template: &PodTemplateSpec) -> Vec<Unsupported> {
        Unsupported::beside_one_container(template, "a thread is one container")
    }

    async fn start(&self, spec: &InstanceSpec) -> Result<Started, StartError> {
        let began = Instant::now();
        let container = spec.serving().cloned().unwrap_or_default();
        let app = *self
            .images
            .get(&container.image)
            .ok_or_else(|| StartError::ImageNotFound {
                reference: container.image.clone(),
                hint: "add it to `Threads::images`".to_owned(),
            })?;
        let (listener, endpoint) =
            listen().map_err(|error| StartError::backend_gone("no free port", error))?;
        let (running, life) = (Running::of(spec, Some(endpoint.clone())), Life::default());
        let noted = (running, life.clone());
        self.instances.lock().insert(spec.id.clone(), noted);
        // A start that fails or is given up leaves nothing behind.
        let given_up = life.kill.clone().drop_guard();
        let (accepts, accepting) = oneshot::channel();
        let own = life.clone();
        spawn_blocking(move || {
            let _ended = own.ended.clone().drop_guard();
            let app = app(&container.env.into_iter().collect());
            own.serve(listener, app, accepts)
        });
        match accepting.await {
            Ok(()) => given_up.disarm(),
            Err(_) if life.drain.is_cancelled() => return Err(StartError::Stopped),
            Err(error) => return Err(StartError::backend_gone("the thread ended", error)),
        };
        let phases = StartPhases::of(Phase::Exec, began.elapsed());
        Ok(Started::new(endpoint, phases))
    }

    async fn stop(&self, id: &InstanceId, grace: Duration) -> Result<(), RuntimeError> {
        let Some((_, life)) = self.instances.lock().get(id).cloned() else {
            return Ok(());
        };
        life.drain.cancel();
        if timeout(grace, life.ended.cancelled()).await.is_err() {
            life.kill.cancel();
            life.ended.cancelled().await;
        }
        self.instances.lock().remove(id);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Running>, RuntimeError> {
        let mut instances = self.instances.lock();
        instances.retain(|_, (_, life)| !life.ended.is_cancelled());
        let running = instances.values().map(|(running, _)| running.clone());
        Ok(running.collect())
    }

    fn watch(&self) -> BoxStream<'static, InstanceEvent> {
        // A thread that accepts requests does not end by itself.
        stream::pending().boxed()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }
}

impl Life {
    /// Serves until told to end, on a runtime whose end takes every connection with it.
    fn serve(&self, listener: TcpListener, app: Router, accepts: Sender<()>) -> io::Result<()> {
        let serving = async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            if self.drain.is_cancelled() || accepts.send(()).is_err() {
                return Ok(());
            }
            let drain = self.drain.clone().cancelled_owned();
            let server = axum::serve(listener, app).with_graceful_shutdown(drain);
            server.await
        };
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build()?;
        let served = runtime.block_on(self.kill.run_until_cancelled(serving));
        served.unwrap_or(Ok(()))
    }
}

fn listen() -> io::Result<(TcpListener, Endpoint)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, Endpoint::Tcp(address)))
}
