//! Processes as instances.

mod attempt;
mod log;
mod port;
mod ready;
mod record;
mod scan;
mod stop;

use std::{
    collections::BTreeMap,
    fmt, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use knative_core::{
    http::Endpoint,
    runtime::{
        ContainerSpec, Exit, InstanceEvent, InstanceId, InstanceSpec, LogOptions, LogStream,
        Running, RuntimeError, StartError, StartPhases, Started, WorkloadId,
    },
};
use parking_lot::Mutex;
use tokio::{
    sync::{broadcast, watch},
    task::spawn_blocking,
    time::{interval, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use self::{
    attempt::Attempt,
    log::Logs,
    port::Ports,
    ready::Owner,
    record::{Record, Records},
    scan::Scans,
};
use crate::{
    image::Command,
    render::{self, INSTANCE_VARIABLE},
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
        let processes = Arc::new(Self {
            platform,
            records: Records::open(dir.join("run"))?,
            scans: Scans::default(),
            logs: Logs::open(dir.join("logs"))?,
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
            Err(gone(
                "the start of a process failed",
                io::Error::other(panic),
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
        self.write(&record).await;
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

    /// Writes down where a process takes requests: after it does, so that nobody waits for the disk.
    async fn write(&self, record: &Record) {
        let (records, owned) = (self.records.clone(), record.clone());
        let written = spawn_blocking(move || records.write(&owned)).await;
        if let Err(error) = written.unwrap_or_else(|error| Err(io::Error::other(error))) {
            warn!(instance = record.instance, %error, "the address of a process could not be written down");
        }
    }

    /// What runs: what was recorded and still lives is adopted; marked processes without a record are ended.
    pub(crate) async fn list(self: &Arc<Self>) -> io::Result<Vec<Running>> {
        let processes = Arc::clone(self);
        let recorded = spawn_blocking(move || processes.records.read_all()).await??;
        for record in recorded {
            self.adopt(record).await;
        }
        self.end_unrecorded().await?;
        let members = self.members.lock();
        Ok(members
            .values()
            .map(|member| running(&member.record))
            .collect())
    }

    /// A process that was recorded before it took requests is adopted if it does now, and started anew if not.
    async fn adopt(self: &Arc<Self>, mut record: Record) {
        let id = record.id();
        if self.has(&id) || self.starting.lock().contains_key(&id) {
            return;
        }
        let pidfd = match PidFd::open(record.pid) {
            Ok(pidfd) if record.is_alive() => pidfd,
            _ => return self.clear(&record, None).await,
        };
        if record.address.is_none() {
            record.address = self.listening(&record).await;
        }
        if record.address.is_none() {
            return self.kill(&record, &pidfd).await;
        }
        self.ports.lock().mark_taken(record.port);
        let (env, working_dir) = (proc::environment(record.pid), proc::cwd(record.pid));
        self.keep(record, Arc::new(pidfd), env, working_dir);
    }

    async fn listening(&self, record: &Record) -> Option<SocketAddr> {
        let owner = Owner {
            pid: record.pid,
            mark: render::mark(&self.platform, &record.id()),
        };
        ready::listening(&owner, record.port).await.ok().flatten()
    }

    /// Ends processes of this platform that were started but not written down before a crash.
    async fn end_unrecorded(&self) -> io::Result<()> {
        let prefix = format!("{}/", self.platform);
        let marked = spawn_blocking(move || marked(&prefix)).await??;
        for (pid, instance) in marked {
            let id = InstanceId::new(instance);
            if !self.has(&id) && !self.starting.lock().contains_key(&id) {
                crate::sys::pidfd::kill(pid)?;
            }
        }
        Ok(())
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

    /// Runs a command with the environment of an instance.
    pub(crate) async fn exec(
        &self,
        id: &InstanceId,
        command: &[String],
        limit: Duration,
    ) -> Result<i32, RuntimeError> {
        let not_found = || RuntimeError::NotFound { id: id.clone() };
        let (env, dir) = {
            let members = self.members.lock();
            let member = members.get(id).ok_or_else(not_found)?;
            (member.env.clone(), member.working_dir.clone())
        };
        let (program, args) = command.split_first().ok_or(RuntimeError::Unsupported {
            what: "an empty command",
        })?;
        let mut process = tokio::process::Command::new(program);
        process
            .args(args)
            .env_clear()
            .envs(crate::sys::spawn::inherited())
            .envs(env)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null());
        process
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true);
        if let Some(dir) = dir {
            process.current_dir(dir);
        }
        match timeout(limit, process.status()).await {
            Ok(Ok(status)) => Ok(status.code().unwrap_or(-1)),
            Ok(Err(error)) => Err(RuntimeError::BackendGone {
                message: format!("{program:?} cannot be run"),
                source: Some(Box::new(error)),
            }),
            Err(_) => Ok(-1),
        }
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

fn running(record: &Record) -> Running {
    Running::new(
        record.id(),
        record.workload(),
        record.labels.clone(),
        record.address.map(Endpoint::Tcp),
    )
}

/// Processes that carry a mark of this platform, with their instances.
fn marked(prefix: &str) -> io::Result<Vec<(u32, String)>> {
    let own = std::process::id();
    let others = proc::pids()?.into_iter().filter(|pid| *pid != own);
    let marked = others.filter_map(|pid| {
        let mark = proc::variable(pid, INSTANCE_VARIABLE)?;
        Some((pid, mark.strip_prefix(prefix)?.to_owned()))
    });
    Ok(marked.collect())
}

/// The backend fails in a way that the workload has no part in.
fn gone(message: &str, error: io::Error) -> StartError {
    StartError::BackendGone {
        message: message.to_owned(),
        source: Some(Box::new(error)),
    }
}

#[cfg(test)]
mod tests;
