//! The runtime: instances as containers that share a sandbox's network.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use knative_core::{
    Clock, Ids,
    runtime::{
        Capabilities, ExecOptions, ExecSession, Exit, InstanceEvent, InstanceId, InstanceRuntime,
        InstanceSpec, Isolation, LogOptions, LogStream, Phase, Place, Running, RuntimeError,
        StartError, StartPhases, Started, Unsupported, Usage, WorkloadId,
    },
};
use parking_lot::Mutex;
use tokio::{sync::broadcast, task::JoinHandle, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    DockerImages, check,
    disk::Disks,
    engine::{ConnectError, gone, text},
    infra,
    member::Member,
    network::DockerNetwork,
    place,
    pool::Pool,
    pulse::Pulse,
    sandbox::Sandboxes,
    shared::Shared,
    start::{Start, config_error},
    volume::Directories,
};

/// How many exits a watcher may be behind; as many as a bridge has ports, each for an instance. Room for all is taken at
/// once.
const EVENTS: usize = 1_024;

/// How a runtime is set up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DockerOptions {
    /// How many sandboxes wait for instances. Each is a container that does nothing. Default 4; 0 makes none ahead.
    pub pool: usize,
    /// Whether instances resolve names by the platform's own address on their network, where a
    /// [`NameServer`](crate::dns::NameServer) listens. Default: no, as the engine does.
    pub names: bool,
}

impl Default for DockerOptions {
    fn default() -> Self {
        Self {
            pool: 4,
            names: false,
        }
    }
}

/// Runs instances as containers of an engine.
pub struct DockerRuntime {
    shared: Arc<Shared>,
}

impl fmt::Debug for DockerRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerRuntime")
            .field("engine", &self.shared.engine)
            .field("network", &self.shared.network.name)
            .finish_non_exhaustive()
    }
}

impl DockerRuntime {
    /// A runtime for the platform of `network`, which keeps files of volumes in `dir`: the engine mounts them from there,
    /// so it has to be on this machine. What an earlier run of the platform left half-made is removed. Called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn open(
        dir: &Path,
        network: DockerNetwork,
        images: DockerImages,
        options: DockerOptions,
        clock: Arc<dyn Clock>,
        ids: Arc<Ids>,
    ) -> Result<Self, ConnectError> {
        let engine = images.engine().clone();
        let directories = Directories::open(dir, engine.socket()).map_err(|error| {
            engine.unusable(format!("the directory {}: {error}", dir.display()))
        })?;
        let infra = infra::ensure(&engine).await?;
        let platform = network.platform.clone();
        let disks = Disks::of(&engine, &platform, &infra).await?;
        let sandboxes = Sandboxes {
            engine: engine.clone(),
            platform: platform.clone(),
            image: infra.clone(),
            network: network.name.clone(),
            dns: options.names.then_some(network.gateway),
        };
        let shared = Arc::new(Shared {
            pool: Pool::new(sandboxes.clone(), ids, options.pool),
            sandboxes,
            engine,
            images,
            platform,
            infra,
            disks,
            network,
            directories,
            clock,
            pulse: Pulse::new(),
            tasks: TaskTracker::new(),
            end: CancellationToken::new(),
            events: broadcast::channel(EVENTS).0,
            known: Mutex::default(),
        });
        // What ends from here on is told.
        let since = shared.clock.now();
        shared.take_over().await?;
        shared.check_reachable().await?;
        let (events, pool) = (Arc::clone(&shared), Arc::clone(&shared));
        shared.tasks.spawn(Arc::clone(&shared).look_after_hangs());
        shared.tasks.spawn(Arc::clone(&shared).sweep_later());
        let docker = shared.engine.docker().clone();
        let pulse = shared.pulse.clone().feel(docker, shared.end.clone());
        shared.tasks.spawn(pulse);
        shared
            .tasks
            .spawn(async move { events.follow_events(since).await });
        shared
            .tasks
            .spawn(async move { pool.pool.fill(pool.end.clone()).await });
        Ok(Self { shared })
    }
}

impl DockerRuntime {
    /// Does a part of a start as a task that goes on to its end by itself, so that what the engine makes is always known.
    async fn work<T, F>(
        &self,
        spec: &InstanceSpec,
        may_stand_alone: bool,
        part: impl FnOnce(Arc<Start>) -> F + Send + 'static,
    ) -> Result<T, StartError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StartError>> + Send,
    {
        let member = self.shared.member_for(&spec.id, &spec.workload);
        let start = Arc::new(Start {
            shared: Arc::clone(&self.shared),
            member: Arc::clone(&member),
            spec: spec.clone(),
            began: Instant::now(),
        });
        let task = self.shared.tasks.spawn(async move {
            let _start = start.shared.pool.start();
            let alone = may_stand_alone && start.member.state.lock().alone;
            let outcome = match start.shared.settle(&start.member, alone).await {
                Ok(_) => {
                    let _turn = start.member.turn.lock().await;
                    if start.member.stop.is_cancelled() {
                        Err(StartError::Stopped)
                    } else {
                        part(Arc::clone(&start)).await
                    }
                }
                Err(error) => Err(error),
            };
            if outcome.is_err() || start.member.stop.is_cancelled() {
                start.shared.clear(&start.member).await;
                return outcome.and(Err(StartError::Stopped));
            }
            outcome
        });
        joined(&self.shared, &member, task).await
    }
}

/// Waits for a task that goes on to its end by itself; giving up the wait tells it to stop. It is given up while the
/// engine does not answer.
async fn joined<T>(
    shared: &Shared,
    member: &Member,
    task: JoinHandle<Result<T, StartError>>,
) -> Result<T, StartError> {
    let given_up = member.stop.clone().drop_guard();
    let outcome = tokio::select! {
        biased;
        outcome = task => outcome.unwrap_or_else(|error| Err(config_error(error.to_string()))),
        () = shared.pulse.lost() => Err(shared.hangs()),
    };
    if outcome.is_ok() {
        given_up.disarm();
    }
    outcome
}

#[async_trait]
impl InstanceRuntime for DockerRuntime {
    fn check(&self, template: &PodTemplateSpec) -> Vec<Unsupported> {
        check::check(
            template,
            self.shared.directories.socket(),
            self.shared.disks.are_bounded(),
        )
    }

    fn claim(&self, _: &WorkloadId) -> Option<InstanceId> {
        self.shared.pool.claim()
    }

    async fn place(
        &self,
        id: &InstanceId,
        workload: &WorkloadId,
        template: &PodTemplateSpec,
    ) -> Result<Place, StartError> {
        let began = Instant::now();
        let member = self.shared.member_for(id, workload);
        let alone = place::stands_alone(template);
        let (shared, settling) = (Arc::clone(&self.shared), Arc::clone(&member));
        let task = self.shared.tasks.spawn(async move {
            let _start = shared.pool.start();
            let settled = shared.settle(&settling, alone).await;
            if settled.is_err() || settling.stop.is_cancelled() {
                shared.clear(&settling).await;
                return settled.and(Err(StartError::Stopped));
            }
            settled
        });
        let address = joined(&self.shared, &member, task).await?;
        let mut phases = StartPhases::new();
        phases.add(Phase::Network, began.elapsed());
        // What stands alone does not ask for its address.
        let address = address.unwrap_or(Ipv4Addr::LOCALHOST);
        Ok(Place::at(IpAddr::V4(address), phases))
    }

    async fn create(&self, spec: &InstanceSpec) -> Result<(), StartError> {
        // Ahead of need there is time: for those that somebody waits for, and for a network.
        self.shared.pool.quiet().await;
        let made = self.work(spec, false, |start| async move {
            start.make_all(&mut StartPhases::new()).await?;
            start.member.state.lock().made = true;
            Ok(())
        });
        made.await
    }

    async fn start(&self, spec: &InstanceSpec) -> Result<Started, StartError> {
        self.work(spec, true, |start| async move { start.run().await })
            .await
    }

    async fn stop_container(
        &self,
        id: &InstanceId,
        container: &str,
        grace: Duration,
    ) -> Result<Exit, RuntimeError> {
        let stopped = self.shared.stop_container(id, container, grace);
        self.shared.while_it_answers(stopped).await
    }

    async fn restart(&self, spec: &InstanceSpec) -> Result<Started, StartError> {
        let restarted = self.work(spec, true, |start| async move {
            match start.restart().await {
                // It stays as it is, to be restarted again.
                Err(StartError::CrashLoop(exit)) => Ok(Err(StartError::CrashLoop(exit))),
                restarted => restarted.map(Ok),
            }
        });
        restarted.await?
    }

    async fn pause(&self, id: &InstanceId) -> Result<(), RuntimeError> {
        self.shared.pause(id).await
    }

    async fn resume(&self, id: &InstanceId) -> Result<Started, StartError> {
        tokio::select! {
            biased;
            resumed = self.shared.resume(id) => resumed,
            () = self.shared.pulse.lost() => Err(self.shared.hangs()),
        }
    }

    async fn usage(&self, id: &InstanceId) -> Result<Usage, RuntimeError> {
        self.shared.usage(id).await
    }

    async fn stop(&self, id: &InstanceId, grace: Duration) -> Result<(), RuntimeError> {
        if let Some(member) = self.shared.member(id) {
            let stopped = self.shared.stop(&member, grace);
            return self.shared.while_it_answers(stopped).await;
        }
        let given_up = self.shared.pool.give_up(id).await;
        given_up.map_err(|error| gone("giving up a sandbox", error))
    }

    async fn list(&self) -> Result<Vec<Running>, RuntimeError> {
        self.shared.list().await
    }

    fn watch(&self) -> BoxStream<'static, InstanceEvent> {
        InstanceEvent::stream(self.shared.events.subscribe())
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.adoption = true;
        capabilities.logs = true;
        capabilities.processes = true;
        capabilities.exec = true;
        capabilities.sidecars = true;
        capabilities.volumes = true;
        capabilities.restart = true;
        capabilities.standby = true;
        capabilities.memory_limit = true;
        capabilities.isolation = Isolation::Container;
        capabilities
    }

    async fn logs(&self, id: &InstanceId, options: &LogOptions) -> Result<LogStream, RuntimeError> {
        self.shared.logs(id, options).await
    }

    async fn exec(
        &self,
        id: &InstanceId,
        options: &ExecOptions,
    ) -> Result<ExecSession, RuntimeError> {
        self.shared.exec(id, options).await
    }

    async fn shutdown(&self) {
        self.shared.end.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        self.shared.pool.empty().await;
        if let Err(error) = self.shared.sweep().await {
            tracing::warn!(error = %text(&error), "containers may be left");
        }
        self.shared.network.remove(&self.shared.engine).await;
    }
}

impl Drop for DockerRuntime {
    fn drop(&mut self) {
        self.shared.end.cancel();
    }
}
