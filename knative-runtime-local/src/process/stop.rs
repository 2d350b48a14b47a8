//! Ending processes: asked first, then killed, with everything that they started.

use std::{io, sync::Arc, time::Duration};

use knative_core::runtime::{InstanceId, RuntimeError};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tracing::warn;

use super::{Processes, record::Record};
use crate::{
    render,
    sys::pidfd::{self, PidFd},
};

/// How long a killed process may take to be gone.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);
/// How often what a process left behind is looked for while it is being killed.
const SWEEP: Duration = Duration::from_millis(2);

impl Processes {
    /// Stops an instance; answers when nothing of it runs.
    pub(crate) async fn stop(&self, id: &InstanceId, grace: Duration) -> Result<(), RuntimeError> {
        if let Some(starting) = self.starting.lock().get(id) {
            starting.cancel();
        }
        // Told too late, a start may still have succeeded.
        self.wait_start_ended(id).await;
        let Some((record, fd, gone)) = self.begin_stop(id) else {
            self.forget(id);
            return Ok(());
        };
        pidfd::terminate_group(record.pid).map_err(|error| unstoppable(id, error))?;
        if timeout(grace, wait_gone(gone.clone())).await.is_err() {
            fd.kill().map_err(|error| unstoppable(id, error))?;
            timeout(KILL_TIMEOUT, wait_gone(gone))
                .await
                .map_err(|_| unstoppable(id, io::ErrorKind::TimedOut.into()))?;
        }
        self.forget(id);
        Ok(())
    }

    fn begin_stop(&self, id: &InstanceId) -> Option<(Record, Arc<PidFd>, watch::Receiver<bool>)> {
        let members = self.members.lock();
        let member = members.get(id)?;
        member.stopping.cancel();
        Some((
            member.record.clone(),
            Arc::clone(&member.pidfd),
            member.gone.clone(),
        ))
    }

    /// Waits until a start that was told to stop has cleared away its process, or handed it over.
    async fn wait_start_ended(&self, id: &InstanceId) {
        while self.starting.lock().contains_key(id) {
            sleep(SWEEP).await;
        }
    }

    fn forget(&self, id: &InstanceId) {
        self.logs.remove(id);
        self.records.remove(id);
    }

    /// Kills a process that did not become an instance, and what it started.
    pub(super) async fn kill(&self, record: &Record, fd: &PidFd) {
        if let Err(error) = fd.kill() {
            warn!(instance = record.instance, %error, "a process could not be killed");
        }
        if timeout(KILL_TIMEOUT, fd.ended()).await.is_ok() {
            fd.reap();
        }
        self.clear(record, Some(record.pid)).await;
    }

    /// After a process has ended: kills what it left, and gives back its port and its cgroup.
    ///
    /// `group` is its process group if that is certainly still its own: the number of a process that ended while nobody
    /// held it may name somebody else's group by now.
    pub(super) async fn clear(&self, record: &Record, group: Option<u32>) {
        let mark = render::mark(&self.platform, &record.id());
        let deadline = Instant::now() + KILL_TIMEOUT;
        loop {
            match self.kill_tree(group, &mark).await {
                Ok(0) => break,
                Ok(_) if Instant::now() < deadline => sleep(SWEEP).await,
                other => {
                    warn!(
                        instance = record.instance,
                        ?other,
                        "what a process left could not be killed"
                    );
                    break;
                }
            }
        }
        self.ports.lock().give_back(record.port, Instant::now());
        if let Some(memory) = &self.memory {
            memory.remove(&record.id());
        }
        self.records.remove(&record.id());
    }

    /// Kills all processes of an instance; answers with how many there were.
    async fn kill_tree(&self, group: Option<u32>, mark: &str) -> io::Result<usize> {
        let all = self.scans.processes().await?;
        let members: Vec<u32> = all
            .iter()
            .filter(|process| process.belongs(group, mark))
            .map(|process| process.pid)
            .collect();
        if members.is_empty() {
            return Ok(0);
        }
        if let Some(group) = group {
            pidfd::kill_group(group)?;
        }
        for pid in &members {
            pidfd::kill(*pid)?;
        }
        Ok(members.len())
    }
}

async fn wait_gone(mut gone: watch::Receiver<bool>) {
    // The sender goes only after it has said that the process is gone.
    let _ = gone.wait_for(|gone| *gone).await;
}

fn unstoppable(id: &InstanceId, error: io::Error) -> RuntimeError {
    RuntimeError::backend_gone(format!("the process of {id} cannot be stopped"), error)
}
