//! Processes as instances.

mod adopt;
mod attempt;
mod exec;
mod log;
mod port;
mod ready;
mod record;
mod scan;
mod stop;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use knative_core::runtime::{
    ContainerSpec, Exit, InstanceEvent, InstanceId, InstanceSpec, LogOptions, LogStream,
    RuntimeError, StartError, StartPhases, Started, WorkloadId,
};
use parking_lot::Mutex;
use tokio::{
    sync::{broadcast, watch},
    task::spawn_blocking,
    time::interval,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use self::{
    attempt::Attempt,
    log::Logs,
    port::Ports,
    record::{Record, Records},
    scan::Scans,
};
use crate::{
    image::Command,
    sys::{cgroup::MemoryCgroup, pidfd::PidFd, proc},
};

/// How often logs are looked at whether they have grown beyond their bound.
const LOG_CHECK: Duration = Duration::from_secs(1);

/// One running process.
#[derive(Debug)]
struct Member {
    record: Record,
    env: BTreeMap<String, String>,
    working_dir: Option<PathBuf>,
    pidfd: Arc<PidFd>,
    /// Set before the instance is stopped: its end is then no event.
    stopping: CancellationToken,
    /// Becomes true when the process and all that it started are gone.
    gone: watch::Receiver<bool>,
}

/// All processes of one platform on this machine.
pub(crate) struct Processes {
    platform: String,
    records: Records,
    scans: Scans,
    logs: Logs,
    memory: Option<MemoryCgroup>,
    ports: Mutex<Ports>,
    members: Mutex<BTreeMap<InstanceId, Member>>,
    starting: Mutex<BTreeMap<InstanceId, CancellationToken>>,
    events: broadcast::Sender<InstanceEvent>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl fmt::Debug for Processes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processes")
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}

impl Processes {
    pub(crate) fn open(
        dir: &Path,
        platform: String,
        memory: Option<MemoryCgroup>,
        port_offset: u64,
        events: broadcast::Sender<InstanceEvent>,
    ) -> io::Result<Arc<Self>> {
        fs::create_dir_all(dir)?;
        let records = Records::open(dir.join("processes"))?;
        let recorded: BTreeSet<InstanceId> = records.all().iter().map(Record::id).collect();
        let logs = Logs::open(dir.join("logs"), &recorded)?;
        let processes = Arc::new(Self {
            platform,
            records,
            scans: Scans::default(),
            logs,
            memory,
            ports: Mutex::new(Ports::below(proc::first_ephemeral_port(), port_offset)),
            members: Mutex::default(),
            starting: Mutex::default(),
            events,
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
        });
        processes.tasks.spawn(Arc::clone(&processes).cut_logs());
        Ok(processes)
    }

    pub(crate) fn has(&self, id: &InstanceId) -> bool {
        self.members.lock().contains_key(id)
    }

    /// Starts an instance. The work goes on in a task of its own when this future is dropped: it then notices that
    /// it is stopped and clears away what it began.
    pub(crate) async fn start(
        self: &Arc<Self>,
        spec: &InstanceSpec,
        container: &ContainerSpec,
        image: &Command,
        phases: StartPhases,
    ) -> Result<Started, StartError> {
        self.refuse_second_on_fixed_port(&spec.workload)?;
        let stopped = CancellationToken::new();
        self.starting
            .lock()
            .insert(spec.id.clone(), stopped.clone());
        let attempt = Attempt {
            processes: Arc::clone(self),
            spec: spec.clone(),
            container: container.clone(),
            image: image.clone(),
            stopped: stopped.clone(),
        };
        let _stopped_when_dropped = stopped.drop_guard();
        let attempt = self.tasks.spawn(async move {
            let result = attempt.run(phases).await;
            attempt.processes.starting.lock().remove(&attempt.spec.id);
            result
        });
        attempt.await.unwrap_or_else(|panic| {
            Err(StartError::backend_gone(
                "the start of a process failed",
                panic,
            ))
        })
    }

    /// A program that insists on a port of its own can run once: its second instance could never listen.
    fn refuse_second_on_fixed_port(&self, workload: &WorkloadId) -> Result<(), StartError> {
        let members = self.members.lock();
        let fixed = members.values().find_map(|member| {
            let record = &member.record;
            let address = record
                .address
                .filter(|address| address.port() != record.port)?;
            (record.workload() == *workload && !member.stopping.is_cancelled())
                .then(|| address.port())
        });
        fixed.map_or(Ok(()), |port| {
            Err(StartError::Unschedulable {
                message: format!(
                    "the program listens on port {port} whatever PORT says, so only one instance fits on this machine; \
                     listen on $PORT, or set max-scale to 1"
                ),
            })
        })
    }

    /// Takes a running process in: from now on its end is noticed.
    fn keep(
        self: &Arc<Self>,
        record: Record,
        pidfd: Arc<PidFd>,
        env: BTreeMap<String, String>,
        working_dir: Option<PathBuf>,
    ) {
        let (gone_sender, gone) = watch::channel(false);
        let stopping = CancellationToken::new();
        let member = Member {
            record: record.clone(),
            env,
            working_dir,
            pidfd: Arc::clone(&pidfd),
            stopping: stopping.clone(),
            gone,
        };
        self.members.lock().insert(record.id(), member);
        self.tasks
            .spawn(Arc::clone(self).attend(record, pidfd, stopping, gone_sender));
    }

    /// Waits for the end of a process, clears away what it left, and tells of it unless it was stopped.
    async fn attend(
        self: Arc<Self>,
        record: Record,
        pidfd: Arc<PidFd>,
        stopping: CancellationToken,
        gone: watch::Sender<bool>,
    ) {
        Arc::clone(&self).started(record.clone()).await;
        let ended = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => return,
            ended = pidfd.ended() => ended,
        };
        if let Err(error) = ended {
            warn!(instance = record.instance, %error, "the end of a process cannot be awaited");
        }
        let id = record.id();
        let status = pidfd.reap();
        let exit = Exit {
            container: None,
            code: status.code,
            signal: status.signal,
            out_of_memory: self
                .memory
                .as_ref()
                .is_some_and(|memory| memory.was_killed(&id)),
            message: self.logs.last_words(&id),
        };
        self.clear(&record, Some(record.pid)).await;
        self.members.lock().remove(&id);
        gone.send_replace(true);
        if !stopping.is_cancelled() {
            // Nobody listens before the platform runs; then nobody waits for it either.
            let _ = self.events.send(InstanceEvent::Exited { id, exit });
        }
    }

    /// What is put off until a process takes requests, so that nobody waits for the disk.
    async fn started(self: Arc<Self>, record: Record) {
        let done = spawn_blocking(move || {
            if let Err(error) = self.records.write(&record) {
                warn!(instance = record.instance, %error, "the address of a process could not be written down");
            }
            self.logs.prepare();
        });
        if let Err(error) = done.await {
            warn!(%error, "a process could not be written down");
        }
    }

    pub(crate) async fn logs(
        self: &Arc<Self>,
        id: &InstanceId,
        options: &LogOptions,
    ) -> Result<LogStream, RuntimeError> {
        let (processes, known) = (Arc::clone(self), id.clone());
        let running =
            move || processes.has(&known) || processes.starting.lock().contains_key(&known);
        self.logs.read(id, options, running).await
    }

    async fn cut_logs(self: Arc<Self>) {
        let mut ticks = interval(LOG_CHECK);
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let mut ids: Vec<InstanceId> = self.members.lock().keys().cloned().collect();
            ids.extend(self.starting.lock().keys().cloned());
            let logs = self.logs.clone();
            let cutting = spawn_blocking(move || {
                for id in ids {
                    if let Err(error) = logs.cut(&id) {
                        warn!(instance = %id, %error, "a log could not be cut");
                    }
                }
            });
            if cutting.await.is_err() {
                return;
            }
        }
    }

    /// Ends what this value does in the background; processes go on.
    pub(crate) fn detach(&self) {
        self.shutdown.cancel();
        self.tasks.close();
        if let Some(memory) = &self.memory {
            memory.remove_all();
        }
    }
}

#[cfg(test)]
mod tests;
