//! What is written down of each process, so that a later platform finds it.

use std::{
    collections::BTreeMap,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use knative_core::runtime::{InstanceId, WorkloadId};
use serde::{Deserialize, Serialize};

use crate::sys::proc;

/// A process of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) instance: String,
    pub(super) namespace: String,
    pub(super) workload: String,
    pub(super) labels: BTreeMap<String, String>,
    /// Pids and start times mean something within one boot only.
    boot: String,
    pub(super) pid: u32,
    start_time: u64,
    /// The port that it was given.
    pub(super) port: u16,
    /// Where it takes requests; absent until it does.
    pub(super) address: Option<SocketAddr>,
}

impl Record {
    pub(super) fn of(
        id: &InstanceId,
        workload: &WorkloadId,
        labels: BTreeMap<String, String>,
        pid: u32,
        port: u16,
    ) -> io::Result<Self> {
        Ok(Self {
            instance: id.to_string(),
            namespace: workload.namespace.to_string(),
            workload: workload.name.to_string(),
            labels,
            boot: proc::boot_id()?,
            pid,
            start_time: proc::start_time(pid)?,
            port,
            address: None,
        })
    }

    pub(super) fn id(&self) -> InstanceId {
        InstanceId::new(self.instance.as_str())
    }

    pub(super) fn workload(&self) -> WorkloadId {
        WorkloadId::new(self.namespace.as_str(), self.workload.as_str())
    }

    /// Whether the process that was recorded still runs, and not another one under its pid.
    pub(super) fn is_alive(&self) -> bool {
        let same_boot = proc::boot_id().is_ok_and(|boot| boot == self.boot);
        let same_start = proc::start_time(self.pid).is_ok_and(|time| time == self.start_time);
        same_boot && same_start && !proc::is_zombie(self.pid)
    }
}

/// The directory of records.
#[derive(Clone, Debug)]
pub(super) struct Records {
    dir: PathBuf,
}

impl Records {
    pub(super) fn open(dir: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        Ok(Self { dir })
    }

    pub(super) fn write(&self, record: &Record) -> io::Result<()> {
        let path = self.path(&record.instance);
        let temporary = path.with_extension("tmp");
        fs::write(&temporary, serde_json::to_vec(record)?)?;
        fs::rename(&temporary, &path)
    }

    pub(super) fn remove(&self, id: &InstanceId) {
        // One that is not there was never written, or removed before.
        let _ = fs::remove_file(self.path(id.as_str()));
    }

    /// All records; one that cannot be read is dropped, its process is found by its mark.
    pub(super) fn read_all(&self) -> io::Result<Vec<Record>> {
        let mut records = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                // It is being written.
                continue;
            }
            match read(&path) {
                Some(record) => records.push(record),
                None => fs::remove_file(&path)?,
            }
        }
        Ok(records)
    }

    fn path(&self, instance: &str) -> PathBuf {
        self.dir.join(format!("{instance}.json"))
    }
}

fn read(path: &Path) -> Option<Record> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
