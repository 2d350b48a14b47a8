//! The runtime: functions in this process and processes beside it.

use std::{collections::BTreeMap, fmt, io, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use knative_core::{
    http::Endpoint,
    runtime::{
        Capabilities, ExecOptions, ExecSession, ImageError, InstanceEvent, InstanceId,
        InstanceRuntime, InstanceSpec, Isolation, LogOptions, LogStream, Phase, Running,
        RuntimeError, StartError, StartPhases, Started, Unsupported, WorkloadId,
    },
};
use parking_lot::Mutex;
use tokio::{sync::broadcast, task::spawn_blocking, time::Instant};

use crate::{
    check::{self, Host},
    image::{LocalImages, Program},
    process::Processes,
    sys::cgroup::MemoryCgroup,
};

/// How many exits a watcher may be behind; more than instances fit on a machine.
const EVENTS: usize = 4_096;

/// A function that is taken for an instance.
#[derive(Clone, Debug)]
struct Function {
    workload: WorkloadId,
    labels: BTreeMap<String, String>,
    endpoint: Endpoint,
}

/// Runs instances on this machine: executables as processes of the platform's user, registered services in the
/// platform's own process.
pub struct LocalRuntime {
    images: LocalImages,
    processes: Arc<Processes>,
    functions: Mutex<BTreeMap<InstanceId, Function>>,
    host: Host,
    events: broadcast::Sender<InstanceEvent>,
}

impl fmt::Debug for LocalRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalRuntime")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl LocalRuntime {
    /// A runtime that keeps its records and logs in `dir`. `platform` names the platform on this machine: processes
    /// carry it, and one that runs already under that name is adopted. Called within a tokio runtime.
    ///
    /// # Errors
    /// The directory cannot be used.
    pub fn open(dir: &Path, platform: &str, images: LocalImages) -> io::Result<Self> {
        let memory = MemoryCgroup::find(platform);
        let host = Host {
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            memory_limits: memory.is_some(),
        };
        let (events, _) = broadcast::channel(EVENTS);
        let offset = platform.bytes().fold(0_u64, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        Ok(Self {
            images,
            processes: Processes::open(dir, platform.to_owned(), memory, offset, events.clone())?,
            functions: Mutex::default(),
            host,
            events,
        })
    }

    fn start_function(
        &self,
        spec: &InstanceSpec,
        endpoint: Endpoint,
        phases: StartPhases,
    ) -> Started {
        let function = Function {
            workload: spec.workload.clone(),
            labels: spec.labels.clone(),
            endpoint: endpoint.clone(),
        };
        self.functions.lock().insert(spec.id.clone(), function);
        Started::new(endpoint, phases)
    }

    async fn program(&self, reference: &str) -> Result<Program, StartError> {
        if let Some(program) = self.images.registered(reference).map_err(unusable)? {
            return Ok(program);
        }
        let (images, owned) = (self.images.clone(), reference.to_owned());
        let added = spawn_blocking(move || images.added(&owned)).await;
        let added = added.unwrap_or_else(|error| Err(unavailable(io::Error::other(error))));
        added.map_err(unusable)
    }
}

impl Drop for LocalRuntime {
    fn drop(&mut self) {
        self.processes.detach();
    }
}

#[async_trait]
impl InstanceRuntime for LocalRuntime {
    fn check(&self, template: &PodTemplateSpec) -> Vec<Unsupported> {
        check::check(template, self.host)
    }

    async fn start(&self, spec: &InstanceSpec) -> Result<Started, StartError> {
        let container = spec.serving().ok_or_else(|| StartError::Config {
            reason: "CreateContainerConfigError",
            message: "the instance has no container".to_owned(),
        })?;
        let began = Instant::now();
        let program = self.program(&container.image).await?;
        let mut phases = StartPhases::new();
        phases.add(Phase::Image, began.elapsed());
        match program {
            Program::Function(service) => {
                Ok(self.start_function(spec, Endpoint::Service(service), phases))
            }
            Program::Command(command) => {
                self.processes
                    .start(spec, container, &command, phases)
                    .await
            }
        }
    }

    async fn stop(&self, id: &InstanceId, grace: Duration) -> Result<(), RuntimeError> {
        if self.functions.lock().remove(id).is_some() {
            return Ok(());
        }
        self.processes.stop(id, grace).await
    }

    async fn list(&self) -> Result<Vec<Running>, RuntimeError> {
        let listed = self.processes.list().await;
        let mut running = listed
            .map_err(|error| RuntimeError::backend_gone("processes cannot be looked up", error))?;
        running.extend(self.functions.lock().iter().map(|(id, function)| {
            let endpoint = Some(function.endpoint.clone());
            Running::new(
                id.clone(),
                function.workload.clone(),
                function.labels.clone(),
                endpoint,
            )
        }));
        Ok(running)
    }

    fn watch(&self) -> BoxStream<'static, InstanceEvent> {
        InstanceEvent::stream(self.events.subscribe())
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.adoption = true;
        capabilities.logs = true;
        capabilities.processes = true;
        capabilities.exec = true;
        capabilities.memory_limit = self.host.memory_limits;
        capabilities.isolation = Isolation::Process;
        capabilities
    }

    async fn logs(&self, id: &InstanceId, options: &LogOptions) -> Result<LogStream, RuntimeError> {
        if self.functions.lock().contains_key(id) {
            return Err(RuntimeError::Unsupported {
                what: "the log of a function, which is the platform's own,",
            });
        }
        self.processes.logs(id, options).await
    }

    async fn exec(
        &self,
        id: &InstanceId,
        options: &ExecOptions,
    ) -> Result<ExecSession, RuntimeError> {
        self.processes.exec(id, options)
    }
}

fn unusable(error: ImageError) -> StartError {
    match error {
        ImageError::NotFound { reference, hint } => StartError::ImageNotFound { reference, hint },
        error => StartError::backend_gone(error.to_string(), error),
    }
}

fn unavailable(error: io::Error) -> ImageError {
    ImageError::Unavailable {
        message: "the image directory cannot be used".to_owned(),
        source: Some(Box::new(error)),
    }
}
