//! What is written down of each process, so that a later platform finds it.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use knative_core::runtime::{InstanceId, WorkloadId};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::sys::proc;

/// How many dead lines are left in the file, beside one for each record.
const DEAD_LINES: usize = 1024;

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

/// The records of a platform: a file that is appended to, because a start that made a file would wait for the file
/// system to find room for one.
#[derive(Debug)]
pub(super) struct Records {
    path: PathBuf,
    book: Mutex<Book>,
}

/// What stands in the file.
#[derive(Debug)]
struct Book {
    file: File,
    records: BTreeMap<InstanceId, Record>,
    /// How many lines the file has; those of removed and replaced records are dead.
    lines: usize,
    /// Whether half a line may be at the end, after a write that failed.
    torn: bool,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
enum Line<'a> {
    Runs(Cow<'a, Record>),
    Gone(Cow<'a, str>),
}

impl Records {
    /// Opens the file with what an earlier run of the platform left in it. A line that cannot be read is dropped: its
    /// process is found by its mark.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            text => text?,
        };
        let mut records = BTreeMap::new();
        for line in text.split(|byte| *byte == b'\n') {
            match serde_json::from_slice(line) {
                Ok(Line::Runs(record)) => {
                    records.insert(record.id(), record.into_owned());
                }
                Ok(Line::Gone(instance)) => {
                    records.remove(&InstanceId::new(instance));
                }
                Err(_) => {}
            }
        }
        let (file, lines) = (write_all(&path, &records)?, records.len());
        let book = Mutex::new(Book {
            file,
            records,
            lines,
            torn: false,
        });
        Ok(Self { path, book })
    }

    pub(super) fn write(&self, record: &Record) -> io::Result<()> {
        let mut book = self.book.lock();
        book.append(&Line::Runs(Cow::Borrowed(record)))?;
        book.records.insert(record.id(), record.clone());
        book.compact(&self.path);
        Ok(())
    }

    pub(super) fn remove(&self, id: &InstanceId) {
        let mut book = self.book.lock();
        if book.records.remove(id).is_none() {
            return;
        }
        let line = Line::Gone(Cow::Borrowed(id.as_str()));
        let appended = book.append(&line);
        book.compact(&self.path);
        if let Err(error) = appended {
            // A later run then finds that the process does not live.
            warn!(instance = %id, %error, "the end of a process could not be written down");
        }
    }

    pub(super) fn all(&self) -> Vec<Record> {
        self.book.lock().records.values().cloned().collect()
    }
}

impl Book {
    fn append(&mut self, line: &Line<'_>) -> io::Result<()> {
        let mut text = Vec::new();
        if self.torn {
            // An empty line, or the end of half a one: neither is read.
            text.push(b'\n');
        }
        line.put(&mut text)?;
        self.torn = true;
        self.file.write_all(&text)?;
        self.torn = false;
        self.lines += 1;
        Ok(())
    }

    /// Writes the file anew once it has too many dead lines. Where that fails, those it has are as good.
    fn compact(&mut self, path: &Path) {
        let dead = self.lines.saturating_sub(self.records.len());
        if dead <= self.records.len() + DEAD_LINES {
            return;
        }
        match write_all(path, &self.records) {
            Ok(file) => {
                self.file = file;
                self.lines = self.records.len();
                self.torn = false;
            }
            Err(error) => warn!(%error, "the records of processes cannot be written anew"),
        }
    }
}

/// Writes the file anew, without dead lines.
fn write_all(path: &Path, records: &BTreeMap<InstanceId, Record>) -> io::Result<File> {
    let mut text = Vec::new();
    for record in records.values() {
        Line::Runs(Cow::Borrowed(record)).put(&mut text)?;
    }
    let temporary = path.with_extension("tmp");
    fs::write(&temporary, text)?;
    fs::rename(&temporary, path)?;
    File::options().append(true).open(path)
}

impl Line<'_> {
    fn put(&self, text: &mut Vec<u8>) -> io::Result<()> {
        serde_json::to_writer(&mut *text, self)?;
        text.push(b'\n');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(instance: &str, port: u16) -> Record {
        let (id, workload) = (InstanceId::new(instance), WorkloadId::new("ns", "w"));
        Record::of(&id, &workload, BTreeMap::new(), std::process::id(), port).unwrap()
    }

    fn ports(records: &Records) -> Vec<u16> {
        records.all().iter().map(|record| record.port).collect()
    }

    #[test]
    fn a_later_run_finds_what_was_written_last() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("processes");
        let records = Records::open(path.clone()).unwrap();
        for (instance, port) in [("a", 1), ("b", 2), ("a", 3), ("c", 4)] {
            records.write(&record(instance, port)).unwrap();
        }
        records.remove(&InstanceId::new("c"));
        assert_eq!(ports(&records), [3, 2]);
        assert_eq!(ports(&Records::open(path).unwrap()), [3, 2]);
    }

    #[test]
    fn half_a_line_is_dropped_and_spoils_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("processes");
        Records::open(path.clone())
            .unwrap()
            .write(&record("a", 1))
            .unwrap();
        let mut text = fs::read(&path).unwrap();
        text.extend_from_within(..text.len() / 2);
        fs::write(&path, text).unwrap();
        let records = Records::open(path.clone()).unwrap();
        records.write(&record("b", 2)).unwrap();
        assert_eq!(ports(&Records::open(path).unwrap()), [1, 2]);
    }

    #[test]
    fn the_file_stays_small_however_many_come_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("processes");
        let records = Records::open(path.clone()).unwrap();
        for _ in 0..2 * DEAD_LINES {
            records.write(&record("a", 1)).unwrap();
            records.remove(&InstanceId::new("a"));
        }
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= DEAD_LINES + 1, "{lines} lines");
        assert!(Records::open(path).unwrap().all().is_empty());
    }
}
