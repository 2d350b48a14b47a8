//! What an earlier run of the platform left: adopted if it was written down and lives, ended if not.

use std::{io, net::SocketAddr, sync::Arc};

use knative_core::{
    http::Endpoint,
    runtime::{InstanceId, Running},
};
use tokio::task::spawn_blocking;

use super::{
    Processes,
    ready::{self, Owner},
    record::Record,
};
use crate::{
    render::{self, INSTANCE_VARIABLE},
    sys::{
        pidfd::{self, PidFd},
        proc,
    },
};

impl Processes {
    /// What runs: what was recorded and still lives is adopted; marked processes without a record are ended.
    pub(crate) async fn list(self: &Arc<Self>) -> io::Result<Vec<Running>> {
        for record in self.records.all() {
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
            _ => {
                self.clear(&record, None).await;
                return self.logs.remove(&id);
            }
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
                pidfd::kill(pid)?;
            }
        }
        Ok(())
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
