//! One start of a process, from a free port to an accepted connection.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
};

use knative_core::{
    http::Endpoint,
    object::Quantity,
    runtime::{ContainerSpec, Exit, InstanceSpec, Phase, StartError, StartPhases, Started},
};
use tokio::{
    task::spawn_blocking,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Processes,
    ready::{self, Owner},
    record::Record,
};
use crate::{
    image::Command,
    render,
    sys::{
        pidfd::{self, PidFd},
        spawn::spawn,
    },
};

/// A start.
pub(super) struct Attempt {
    pub(super) processes: Arc<Processes>,
    pub(super) spec: InstanceSpec,
    pub(super) container: ContainerSpec,
    pub(super) image: Command,
    pub(super) stopped: CancellationToken,
}

/// A process that was started.
struct Spawned {
    record: Record,
    pidfd: Arc<PidFd>,
    env: BTreeMap<String, String>,
    working_dir: Option<PathBuf>,
}

impl Attempt {
    pub(super) async fn run(&self, mut phases: StartPhases) -> Result<Started, StartError> {
        let began = Instant::now();
        let port = self.take_port()?;
        phases.add(Phase::Network, began.elapsed());
        let began = Instant::now();
        let mut spawned = match self.spawn(port).await {
            Ok(spawned) => spawned,
            Err(error) => {
                self.processes.ports.lock().give_back(port, Instant::now());
                return Err(self.cannot_run(&error));
            }
        };
        phases.add(Phase::Create, began.elapsed());
        let began = Instant::now();
        match self.wait_accepting(&spawned).await {
            Err(error) => {
                self.processes.kill(&spawned.record, &spawned.pidfd).await;
                Err(error)
            }
            Ok(address) => {
                phases.add(Phase::Exec, began.elapsed());
                spawned.record.address = Some(address);
                self.processes.keep(
                    spawned.record,
                    spawned.pidfd,
                    spawned.env,
                    spawned.working_dir,
                );
                Ok(Started::new(Endpoint::Tcp(address), phases))
            }
        }
    }

    fn take_port(&self) -> Result<u16, StartError> {
        let bindable = |port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok();
        let port = self.processes.ports.lock().take(Instant::now(), bindable);
        port.ok_or_else(|| StartError::Unschedulable {
            message: "every port that processes may be given is in use".to_owned(),
        })
    }

    async fn spawn(&self, port: u16) -> io::Result<Spawned> {
        let mark = render::mark(&self.processes.platform, &self.spec.id);
        let invocation = render::invocation(&self.container, &self.image, port, mark);
        let limit = memory_limit(&self.container);
        let (processes, id) = (Arc::clone(&self.processes), self.spec.id.clone());
        let (workload, labels) = (self.spec.workload.clone(), self.spec.labels.clone());
        spawn_blocking(move || {
            let pid = spawn(&invocation, processes.logs.begin(&id)?)?;
            let taken = Record::of(&id, &workload, labels, pid, port)
                .and_then(|record| processes.take_in(record, limit));
            match taken {
                Ok((record, pidfd)) => Ok(Spawned {
                    record,
                    pidfd: Arc::new(pidfd),
                    env: invocation.env,
                    working_dir: invocation.working_dir,
                }),
                // Nobody else knows of the process, so nobody else would end it.
                Err(error) => pidfd::discard(pid).and(Err(error)),
            }
        })
        .await?
    }

    async fn wait_accepting(&self, spawned: &Spawned) -> Result<SocketAddr, StartError> {
        let owner = Owner {
            pid: spawned.record.pid,
            mark: render::mark(&self.processes.platform, &self.spec.id),
        };
        let limit = self.spec.start_timeout;
        tokio::select! {
            biased;
            () = self.stopped.cancelled() => Err(StartError::Stopped),
            _ = spawned.pidfd.ended() => Err(self.ended_early(spawned)),
            address = timeout(limit, ready::accepting(&owner, spawned.record.port)) => match address {
                Ok(address) => address.map_err(|error| StartError::backend_gone("the sockets of the process cannot be read", error)),
                Err(_) => Err(StartError::Timeout {
                    waited: limit,
                    message: format!("the process listens on no port (PORT was {})", spawned.record.port),
                }),
            },
        }
    }

    fn ended_early(&self, spawned: &Spawned) -> StartError {
        let status = spawned.pidfd.reap();
        StartError::CrashLoop(Exit {
            code: status.code,
            signal: status.signal,
            message: self.processes.logs.last_words(&self.spec.id),
            ..Exit::default()
        })
    }

    fn cannot_run(&self, error: &io::Error) -> StartError {
        StartError::Config {
            reason: "RunContainerError",
            message: format!("container {:?} cannot be run: {error}", self.container.name),
        }
    }
}

impl Processes {
    /// Writes a new process down, limits and holds it.
    fn take_in(&self, record: Record, limit: Option<u64>) -> io::Result<(Record, PidFd)> {
        let pidfd = PidFd::open(record.pid)?;
        self.records.write(&record)?;
        if let (Some(memory), Some(limit)) = (&self.memory, limit) {
            memory.limit(&record.id(), record.pid, limit)?;
        }
        Ok((record, pidfd))
    }
}

fn memory_limit(container: &ContainerSpec) -> Option<u64> {
    let limit = container.resources.limits.as_ref()?.get("memory")?;
    let bytes = limit.0.parse::<Quantity>().ok()?.value()?;
    u64::try_from(bytes).ok()
}
