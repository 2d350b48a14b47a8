//! A runtime that runs nothing: scripted delays and faults, for tests and simulation (feature `test-util`).

mod command;
mod image;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use parking_lot::Mutex;
use tokio::{
    sync::broadcast,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::http::Endpoint;
use crate::runtime::{
    Capabilities, ExecOptions, ExecSession, Exit, ImageConfig, ImageError, ImageStore,
    InstanceEvent, InstanceId, InstanceRuntime, InstanceSpec, LogOptions, LogStream, Phase,
    PullSecret, ResolvedImage, Running, RuntimeError, StartError, StartPhases, Started,
    Unsupported, Usage,
};

pub use image::{FakeImage, FakeStart};

/// How many exits a watcher may be behind before it is cut off, which a test would notice.
const EVENTS: usize = 65_536;

/// One instance on the fake machine.
#[derive(Clone, Debug)]
struct Member {
    running: Running,
    log: Vec<u8>,
    stop: CancellationToken,
    stop_delay: Duration,
}

/// What outlives a crash of the platform.
#[derive(Debug)]
struct Machine {
    images: Mutex<BTreeMap<String, FakeImage>>,
    members: Mutex<BTreeMap<InstanceId, Member>>,
    starting: Mutex<BTreeMap<InstanceId, CancellationToken>>,
    starts: Mutex<Vec<InstanceId>>,
    doubles: Mutex<BTreeSet<InstanceId>>,
    /// Made, and not started yet.
    made: Mutex<BTreeSet<InstanceId>>,
    paused: Mutex<BTreeSet<InstanceId>>,
    /// What each instance is said to use.
    memory: Mutex<u64>,
    commands: Arc<()>,
    events: broadcast::Sender<InstanceEvent>,
}

/// A runtime that runs nothing. Clones share one machine.
#[derive(Clone, Debug)]
pub struct FakeRuntime {
    machine: Arc<Machine>,
}

impl Default for FakeRuntime {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeRuntime {
    /// A machine that knows no images.
    pub fn new() -> Self {
        Self {
            machine: Arc::new(Machine {
                images: Mutex::default(),
                members: Mutex::default(),
                starting: Mutex::default(),
                starts: Mutex::default(),
                doubles: Mutex::default(),
                made: Mutex::default(),
                paused: Mutex::default(),
                memory: Mutex::default(),
                commands: Arc::default(),
                events: broadcast::channel(EVENTS).0,
            }),
        }
    }

    /// Makes an image known, or known as something else. References are compared without their digest and tag.
    #[must_use]
    pub fn with_image(self, reference: &str, image: FakeImage) -> Self {
        self.set_image(reference, image);
        self
    }

    /// As [`FakeRuntime::with_image`], while it runs.
    pub fn set_image(&self, reference: &str, image: FakeImage) {
        self.machine
            .images
            .lock()
            .insert(repository(reference).to_owned(), image);
    }

    /// Forgets an image.
    pub fn remove_image(&self, reference: &str) {
        self.machine.images.lock().remove(repository(reference));
    }

    /// Ends an instance from outside.
    pub fn crash(&self, id: &InstanceId, exit: Exit) {
        self.machine.exit(id, exit);
    }

    /// The instances that run.
    pub fn running(&self) -> Vec<InstanceId> {
        self.machine.members.lock().keys().cloned().collect()
    }

    /// Every start so far that ended well, in order.
    pub fn starts(&self) -> Vec<InstanceId> {
        self.machine.starts.lock().clone()
    }

    /// Instances that were started while they ran: always empty unless the platform is wrong.
    pub fn doubles(&self) -> Vec<InstanceId> {
        self.machine.doubles.lock().iter().cloned().collect()
    }

    /// Says from now on that each instance uses so many bytes of memory.
    pub fn use_memory(&self, bytes: u64) {
        *self.machine.memory.lock() = bytes;
    }

    /// The instances that are paused.
    pub fn paused(&self) -> Vec<InstanceId> {
        self.machine.paused.lock().iter().cloned().collect()
    }

    /// How many commands run, those that nobody waits for any more left out.
    pub fn commands(&self) -> usize {
        Arc::strong_count(&self.machine.commands) - 1
    }
}

impl Machine {
    fn image(&self, reference: &str) -> Option<FakeImage> {
        self.images.lock().get(repository(reference)).cloned()
    }

    fn exit(&self, id: &InstanceId, exit: Exit) {
        if self.members.lock().remove(id).is_some() {
            // Nobody listens before the platform runs; then nobody waits for it either.
            let _ = self.events.send(InstanceEvent::Exited {
                id: id.clone(),
                exit,
            });
        }
    }

    fn add(&self, spec: &InstanceSpec, image: &FakeImage) {
        let endpoint = Endpoint::Service(image.service.clone());
        let running = Running::of(spec, Some(endpoint));
        let member = Member {
            running,
            log: format!("{} started\n", spec.id).into_bytes(),
            stop: CancellationToken::new(),
            stop_delay: image.stop_delay,
        };
        if self
            .members
            .lock()
            .insert(spec.id.clone(), member)
            .is_some()
        {
            self.doubles.lock().insert(spec.id.clone());
        }
        self.starts.lock().push(spec.id.clone());
    }
}

/// A reference without tag and digest.
fn repository(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or_default();
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

/// Removes a start from the list of those that can be stopped, also when its future is dropped.
struct Starting<'a>(&'a Machine, &'a InstanceId);

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.0.starting.lock().remove(self.1);
    }
}

#[async_trait]
impl InstanceRuntime for FakeRuntime {
    fn check(&self, template: &PodTemplateSpec) -> Vec<Unsupported> {
        let containers = template
            .spec
            .as_ref()
            .map_or(0, |spec| spec.containers.len());
        if containers < 2 {
            return Vec::new();
        }
        vec![Unsupported::refused(
            "spec.containers",
            "this runtime starts one container per instance",
        )]
    }

    async fn start(&self, spec: &InstanceSpec) -> Result<Started, StartError> {
        let reference = spec
            .serving()
            .map(|container| container.image.as_str())
            .unwrap_or_default();
        let image = self
            .machine
            .image(reference)
            .ok_or_else(|| StartError::ImageNotFound {
                reference: reference.to_owned(),
                hint: "add it with FakeRuntime::set_image".to_owned(),
            })?;
        let stopped = CancellationToken::new();
        self.machine
            .starting
            .lock()
            .insert(spec.id.clone(), stopped.clone());
        let _starting = Starting(&self.machine, &spec.id);
        let began = Instant::now();
        let made = self.machine.made.lock().remove(&spec.id);
        let delay = if made {
            Duration::ZERO
        } else {
            image.start_delay
        };
        tokio::select! {
            biased;
            () = stopped.cancelled() => return Err(StartError::Stopped),
            () = sleep(delay) => {}
        }
        match &image.start {
            FakeStart::Ready => {}
            FakeStart::Never => return never(&stopped, spec.start_timeout).await,
            FakeStart::Exit(code, message) => return Err(exited(*code, message)),
            FakeStart::Unschedulable(message) => {
                return Err(StartError::Unschedulable {
                    message: message.clone(),
                });
            }
        }
        self.machine.add(spec, &image);
        self.schedule_exit(&spec.id, &image);
        let mut phases = StartPhases::new();
        phases.add(Phase::Exec, began.elapsed());
        Ok(Started::new(Endpoint::Service(image.service), phases))
    }

    async fn create(&self, spec: &InstanceSpec) -> Result<(), StartError> {
        self.machine.made.lock().insert(spec.id.clone());
        Ok(())
    }

    async fn pause(&self, id: &InstanceId) -> Result<(), RuntimeError> {
        self.machine.paused.lock().insert(id.clone());
        Ok(())
    }

    async fn resume(&self, id: &InstanceId) -> Result<Started, StartError> {
        self.machine.paused.lock().remove(id);
        let members = self.machine.members.lock();
        let endpoint = members
            .get(id)
            .and_then(|member| member.running.endpoint.clone());
        let endpoint = endpoint.ok_or(StartError::Stopped)?;
        let phases = StartPhases::of(Phase::Exec, Duration::ZERO);
        Ok(Started::new(endpoint, phases))
    }

    async fn usage(&self, _: &InstanceId) -> Result<Usage, RuntimeError> {
        Ok(Usage {
            memory: *self.machine.memory.lock(),
            ..Usage::default()
        })
    }

    async fn stop(&self, id: &InstanceId, grace: Duration) -> Result<(), RuntimeError> {
        self.machine.made.lock().remove(id);
        self.machine.paused.lock().remove(id);
        if let Some(starting) = self.machine.starting.lock().remove(id) {
            starting.cancel();
        }
        let delay = {
            let members = self.machine.members.lock();
            members.get(id).map(|member| {
                member.stop.cancel();
                member.stop_delay.min(grace)
            })
        };
        if let Some(delay) = delay {
            sleep(delay).await;
            self.machine.members.lock().remove(id);
        }
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Running>, RuntimeError> {
        Ok(self
            .machine
            .members
            .lock()
            .values()
            .map(|member| member.running.clone())
            .collect())
    }

    fn watch(&self) -> BoxStream<'static, InstanceEvent> {
        InstanceEvent::stream(self.machine.events.subscribe())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            adoption: true,
            exec: true,
            logs: true,
            standby: true,
            ..Capabilities::default()
        }
    }

    async fn logs(&self, id: &InstanceId, _: &LogOptions) -> Result<LogStream, RuntimeError> {
        let log = self
            .machine
            .members
            .lock()
            .get(id)
            .map(|member| member.log.clone());
        let log = log.ok_or_else(|| RuntimeError::NotFound { id: id.clone() })?;
        Ok(stream::once(async { Ok(Bytes::from(log)) }).boxed())
    }

    /// Runs `cat`, `size`, `flood`, `wait` and `exit CODE`; whatever else ends well at once.
    async fn exec(
        &self,
        id: &InstanceId,
        options: &ExecOptions,
    ) -> Result<ExecSession, RuntimeError> {
        if !self.machine.members.lock().contains_key(id) {
            return Err(RuntimeError::NotFound { id: id.clone() });
        }
        Ok(command::run(options, Arc::clone(&self.machine.commands)))
    }
}

impl FakeRuntime {
    fn schedule_exit(&self, id: &InstanceId, image: &FakeImage) {
        let Some((after, exit)) = image.exit.clone() else {
            return;
        };
        let Some(stop) = self
            .machine
            .members
            .lock()
            .get(id)
            .map(|member| member.stop.clone())
        else {
            return;
        };
        let (machine, id) = (Arc::clone(&self.machine), id.clone());
        let task = async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = sleep(after) => machine.exit(&id, exit),
            }
        };
        // The task ends with the instance; a test's runtime drops it otherwise.
        #[expect(
            clippy::disallowed_methods,
            reason = "the fake machine belongs to no component"
        )]
        drop(tokio::spawn(task));
    }
}

async fn never(stopped: &CancellationToken, timeout: Duration) -> Result<Started, StartError> {
    tokio::select! {
        biased;
        () = stopped.cancelled() => Err(StartError::Stopped),
        () = sleep(timeout) => Err(StartError::Timeout {
            waited: timeout,
            message: "it never accepted a connection".to_owned(),
        }),
    }
}

fn exited(code: i32, message: &str) -> StartError {
    StartError::CrashLoop(Exit {
        code: Some(code),
        message: message.to_owned(),
        ..Exit::default()
    })
}

#[async_trait]
impl ImageStore for FakeRuntime {
    async fn resolve(
        &self,
        reference: &str,
        _: &[PullSecret],
        _: Duration,
    ) -> Result<ResolvedImage, ImageError> {
        let repository = repository(reference);
        if !self.machine.images.lock().contains_key(repository) {
            return Err(ImageError::NotFound {
                reference: reference.to_owned(),
                hint: "add it with FakeRuntime::set_image".to_owned(),
            });
        }
        let part = format!("{:08x}", crc32fast::hash(reference.as_bytes()));
        Ok(ResolvedImage {
            digest: Some(format!("{repository}@sha256:{}", part.repeat(8))),
            config: ImageConfig::default(),
        })
    }
}
