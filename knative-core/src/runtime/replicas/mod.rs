//! From instances to workloads: counts, restarts, probes, references, adoption.

mod backoff;
mod driver;
mod expand;
mod health;
mod metrics;
mod render;
mod reserve;
mod resolve;
mod state;
mod token;
mod volumes;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{
    StreamExt,
    future::join_all,
    stream::{self, BoxStream},
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use parking_lot::Mutex;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    driver::Driver,
    metrics::Starts,
    reserve::Reserve,
    state::{Member, State, Want},
};
use super::{
    Capabilities, ExecOptions, ExecSession, Instance, InstanceEvent, InstanceId, InstanceRuntime,
    InstanceState, LogOptions, LogStream, Observation, Running, RuntimeError, Standby, Unsupported,
    Usage, Workload, WorkloadId, WorkloadRuntime, probe::Prober,
};
use crate::{
    Clock, Ids,
    fanout::Fanout,
    http::{Dial, TokioDial},
    platform::{Component, ComponentError, Context, Stage},
    store::Store,
};

/// How long an instance may take to end after it was asked to, unless its template says. As in Kubernetes.
const DEFAULT_GRACE: Duration = Duration::from_secs(30);

/// Keeps replicas on a backend that starts and stops single instances: what a kubelet and a Deployment do together.
///
/// It resolves references (`env` from ConfigMaps, Secrets and fields, `$(VAR)`, files of volumes), probes, restarts
/// what fails with a growing delay, and adopts what an earlier run of the platform left running.
///
/// Dropped without [`Replicas::shutdown`], it lets go of its instances: they run on, to be adopted.
#[derive(Debug)]
pub struct Replicas {
    shared: Arc<Shared>,
}

/// What all drivers share.
struct Shared {
    backend: Arc<dyn InstanceRuntime>,
    store: Option<Arc<dyn Store>>,
    prober: Prober,
    standby: Option<Standby>,
    reserve: Reserve,
    clock: Arc<dyn Clock>,
    ids: Arc<Ids>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    detached: CancellationToken,
    state: Mutex<State>,
    starts: Starts,
    watchers: Fanout<InstanceId, Observation>,
}

/// Assembles [`Replicas`].
#[derive(Debug)]
pub struct ReplicasBuilder {
    backend: Arc<dyn InstanceRuntime>,
    store: Option<Arc<dyn Store>>,
    dial: Arc<dyn Dial>,
    standby: Option<Standby>,
    standby_memory: Option<u64>,
}

impl ReplicasBuilder {
    /// Where ConfigMaps and Secrets are read; without one, workloads that refer to them do not start.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// How probes connect. Default: the operating system's sockets.
    #[must_use]
    pub fn dial(mut self, dial: Arc<dyn Dial>) -> Self {
        self.dial = dial;
        self
    }

    /// What workloads keep in reserve whose template does not say. Default: nothing.
    #[must_use]
    pub const fn standby(mut self, standby: Standby) -> Self {
        self.standby = Some(standby);
        self
    }

    /// How many bytes of memory all paused instances may keep together; one that does not fit is stopped. Default: any.
    #[must_use]
    pub const fn standby_memory(mut self, bytes: u64) -> Self {
        self.standby_memory = Some(bytes);
        self
    }

    /// Begins to listen to the backend. Called within a tokio runtime.
    pub fn build(self, clock: Arc<dyn Clock>, ids: Arc<Ids>) -> Replicas {
        let shared = Arc::new(Shared {
            backend: self.backend,
            store: self.store,
            prober: Prober::new(self.dial),
            standby: self.standby,
            reserve: Reserve::new(self.standby_memory),
            clock,
            ids,
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
            detached: CancellationToken::new(),
            state: Mutex::default(),
            starts: Starts::default(),
            watchers: Fanout::default(),
        });
        let events = shared.backend.watch();
        shared.tasks.spawn(Arc::clone(&shared).dispatch(events));
        Replicas { shared }
    }
}

impl Replicas {
    /// Replicas on `backend`.
    pub fn builder(backend: Arc<dyn InstanceRuntime>) -> ReplicasBuilder {
        ReplicasBuilder {
            backend,
            store: None,
            dial: Arc::new(TokioDial),
            standby: None,
            standby_memory: None,
        }
    }

    /// Asks the backend what an earlier run of the platform left running. Called once, before the first `apply`,
    /// which then takes over what belongs to its workload.
    ///
    /// # Errors
    /// [`RuntimeError::BackendGone`].
    pub async fn adopt(&self) -> Result<usize, RuntimeError> {
        let running = self.shared.backend.list().await?;
        let count = running.len();
        let mut found: BTreeMap<WorkloadId, Vec<Running>> = BTreeMap::new();
        for instance in running {
            found
                .entry(instance.workload.clone())
                .or_default()
                .push(instance);
        }
        self.shared.state.lock().found = found;
        Ok(count)
    }

    /// Stops what was found by [`Replicas::adopt`] and belongs to a workload that is not `known`; answers with how many
    /// instances that were. Those that could not be stopped are there for another call.
    ///
    /// # Errors
    /// [`RuntimeError::BackendGone`].
    pub async fn reap(
        &self,
        known: impl Fn(&WorkloadId) -> bool + Send,
    ) -> Result<usize, RuntimeError> {
        let orphans: Vec<Running> = {
            let found = &mut self.shared.state.lock().found;
            let unknown: Vec<WorkloadId> = found.keys().filter(|id| !known(id)).cloned().collect();
            unknown
                .iter()
                .filter_map(|id| found.remove(id))
                .flatten()
                .collect()
        };
        let count = orphans.len();
        let stops = orphans.into_iter().map(|orphan| async {
            let stopped = self.shared.backend.stop(&orphan.id, DEFAULT_GRACE).await;
            stopped.inspect_err(|_| {
                let found = &mut self.shared.state.lock().found;
                found
                    .entry(orphan.workload.clone())
                    .or_default()
                    .push(orphan);
            })
        });
        let stopped = join_all(stops).await;
        stopped.into_iter().collect::<Result<Vec<()>, _>>()?;
        Ok(count)
    }

    /// Stops every instance and waits until nothing runs.
    pub async fn shutdown(&self) {
        self.shared.shutdown.cancel();
        self.shared.state.lock().stop_all();
        if let Err(error) = self.reap(|_| false).await {
            tracing::warn!(%error, "what an earlier run left could not be stopped");
        }
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        self.shared.backend.shutdown().await;
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        self.shared.detached.cancel();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// Hands exits to the drivers of their instances.
    async fn dispatch(self: Arc<Self>, mut events: BoxStream<'static, InstanceEvent>) {
        loop {
            let event = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return,
                () = self.detached.cancelled() => return,
                event = events.next() => event,
            };
            match event {
                None => return,
                Some(InstanceEvent::Exited { id, exit }) => self.state.lock().exited(&id, exit),
            }
        }
    }

    /// Starts and stops what is needed to get to a workload's replicas.
    fn settle(self: &Arc<Self>, state: &mut State, id: &WorkloadId, retire: &[InstanceId]) {
        if self.shutdown.is_cancelled() {
            return;
        }
        for running in state.found.remove(id).unwrap_or_default() {
            self.drive(state, id, running.id.clone(), Want::Run, Some(running));
        }
        for _ in 0..state.missing(id) {
            if !state.wake(id) {
                let instance = self.backend.claim(id);
                let instance = instance.unwrap_or_else(|| self.new_id(state, id));
                self.drive(state, id, instance, Want::Run, None);
            }
        }
        for _ in 0..state.missing_in_reserve(id) {
            let instance = self.new_id(state, id);
            self.drive(state, id, instance, Want::Wait, None);
        }
        state.stop_surplus(id, retire);
    }

    fn new_id(&self, state: &State, workload: &WorkloadId) -> InstanceId {
        loop {
            let id = InstanceId::new(format!("{}-{}", workload.name, self.ids.suffix()));
            if !state.members.contains_key(&id) {
                return id;
            }
        }
    }

    fn drive(
        self: &Arc<Self>,
        state: &mut State,
        workload: &WorkloadId,
        id: InstanceId,
        want: Want,
        adopted: Option<Running>,
    ) {
        let Some(wanted) = state.workloads.get_mut(workload) else {
            return;
        };
        let group = match want {
            Want::Wait => &mut wanted.reserve,
            Want::Run | Want::Stop => &mut wanted.members,
        };
        group.insert(id.clone());
        let mut instance = Instance::starting(id.clone(), workload.clone(), self.clock.now());
        if want == Want::Wait {
            instance.state = InstanceState::Standby;
        }
        let (member, exits) = Member::new(instance, Arc::clone(&wanted.template), want);
        let driver = Driver::new(
            Arc::clone(self),
            &member,
            Arc::clone(&wanted.template),
            wanted.start_timeout,
            exits,
        );
        self.watchers
            .tell(&id, &Observation::Instance(Arc::clone(&member.instance)));
        state.members.insert(id, member);
        self.tasks.spawn(driver.run(adopted));
    }

    /// Changes what is known of an instance and tells everybody.
    fn update(&self, id: &InstanceId, change: impl FnOnce(&mut Instance)) {
        let mut state = self.state.lock();
        if let Some(member) = state.members.get_mut(id) {
            let mut instance = Instance::clone(&member.instance);
            change(&mut instance);
            member.instance = Arc::new(instance);
            self.watchers
                .tell(id, &Observation::Instance(Arc::clone(&member.instance)));
        }
    }

    /// An instance is about to end: it counts no more for its workload, which may want another one.
    fn leave(self: &Arc<Self>, id: &InstanceId, workload: &WorkloadId) {
        let mut state = self.state.lock();
        state.leave(id, workload);
        self.settle(&mut state, workload, &[]);
    }

    /// Forgets an instance that runs no more, and replaces it if its workload wants as many.
    fn forget(self: &Arc<Self>, id: &InstanceId, workload: &WorkloadId) {
        let mut state = self.state.lock();
        state.forget(id, workload);
        self.watchers.tell(
            id,
            &Observation::Gone {
                id: id.clone(),
                workload: workload.clone(),
            },
        );
        self.settle(&mut state, workload, &[]);
    }
}

#[async_trait]
impl WorkloadRuntime for Replicas {
    fn check(&self, template: &PodTemplateSpec) -> Vec<Unsupported> {
        let mut found = self.shared.backend.check(template);
        match Standby::of(template, self.shared.standby) {
            Ok(None) => {}
            Ok(Some(_)) if self.shared.backend.capabilities().standby => {}
            Ok(Some(_)) => found.push(Unsupported::ignored(
                "metadata.annotations[standby.knative.dev/kind]",
                "this runtime keeps no instances in reserve",
            )),
            Err(refused) => found.push(refused),
        }
        found
    }

    async fn apply(&self, workload: &Workload) -> Result<(), RuntimeError> {
        // A template that asks for what cannot be read is refused before by `check`.
        let standby = Standby::of(&workload.template, self.shared.standby).unwrap_or_default();
        let able = self.shared.backend.capabilities().standby;
        let mut state = self.shared.state.lock();
        state.want(workload, standby.filter(|_| able));
        self.shared
            .settle(&mut state, &workload.id, &workload.retire);
        Ok(())
    }

    async fn delete(&self, id: &WorkloadId) -> Result<(), RuntimeError> {
        let orphans = {
            let mut state = self.shared.state.lock();
            state.delete(id);
            state.found.remove(id).unwrap_or_default()
        };
        for orphan in orphans {
            self.shared.backend.stop(&orphan.id, DEFAULT_GRACE).await?;
        }
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Arc<Instance>>, RuntimeError> {
        Ok(self.shared.state.lock().instances())
    }

    fn watch(&self) -> BoxStream<'static, Observation> {
        let state = self.shared.state.lock();
        let existing = state.instances().into_iter().map(Observation::Instance);
        stream::iter(existing.collect::<Vec<_>>())
            .chain(stream::once(async { Observation::Synced }))
            .chain(self.shared.watchers.subscribe())
            .boxed()
    }

    async fn logs(&self, id: &InstanceId, options: &LogOptions) -> Result<LogStream, RuntimeError> {
        self.shared.backend.logs(id, options).await
    }

    async fn exec(
        &self,
        id: &InstanceId,
        options: &ExecOptions,
    ) -> Result<ExecSession, RuntimeError> {
        self.shared.backend.exec(id, options).await
    }

    async fn usage(&self, id: &InstanceId) -> Result<Usage, RuntimeError> {
        self.shared.backend.usage(id).await
    }

    async fn evict(&self, id: &InstanceId) -> Result<(), RuntimeError> {
        let mut state = self.shared.state.lock();
        let workload = state
            .evict(id)
            .ok_or_else(|| RuntimeError::NotFound { id: id.clone() })?;
        self.shared.settle(&mut state, &workload, &[]);
        Ok(())
    }

    fn capabilities(&self) -> Capabilities {
        self.shared.backend.capabilities()
    }
}

#[async_trait]
impl Component for Replicas {
    fn name(&self) -> &'static str {
        "replicas"
    }

    fn stage(&self) -> Stage {
        Stage::Base
    }

    async fn run(
        self: Arc<Self>,
        context: Context,
        shutdown: CancellationToken,
    ) -> Result<(), ComponentError> {
        context.metrics.register(Arc::clone(&self.shared) as _);
        shutdown.cancelled().await;
        self.shutdown().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
