//! What processes print: a file each, cut at a bound, read from its end or followed.

mod spare;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use knative_core::runtime::{InstanceId, LogOptions, LogStream, RuntimeError};
use parking_lot::Mutex;
use tokio::{task::spawn_blocking, time::sleep};
use tracing::warn;

use self::spare::Spares;

/// How large a log grows before its older half is dropped.
const BOUND: u64 = 10 * 1024 * 1024;
/// How much of a log is kept when it is cut.
const KEPT: u64 = BOUND / 2;
/// How much is read at a time.
const CHUNK: usize = 64 * 1024;
/// How often a followed log is looked at.
const POLL: Duration = Duration::from_millis(100);
/// How much of a log's end tells why a process ended, as a kubelet's `FallbackToLogsOnError`.
const LAST_WORDS: u64 = 2048;
/// How many of its lines, likewise.
const LAST_LINES: usize = 80;

/// How many bytes each log has lost at its beginning. Positions of readers count them, so that a cut moves no reader;
/// whoever cuts or reads holds the lock.
type Lost = Arc<Mutex<BTreeMap<PathBuf, u64>>>;

/// The directory of logs.
#[derive(Clone, Debug)]
pub(super) struct Logs {
    dir: PathBuf,
    lost: Lost,
    spares: Arc<Spares>,
}

impl Logs {
    /// The logs of `ids` and of those that come. Others are removed: nobody asks for those of instances that ended with
    /// an earlier run.
    pub(super) fn open(dir: PathBuf, ids: &BTreeSet<InstanceId>) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        let logs = Self {
            dir,
            lost: Lost::default(),
            spares: Arc::default(),
        };
        logs.remove_others(ids)?;
        logs.spares.fill(&logs.dir)?;
        Ok(logs)
    }

    pub(super) fn path(&self, id: &InstanceId) -> PathBuf {
        self.dir.join(format!("{id}.log"))
    }

    fn previous(&self, id: &InstanceId) -> PathBuf {
        self.dir.join(format!("{id}.previous.log"))
    }

    /// A new log; that of an earlier run is set aside.
    pub(super) fn begin(&self, id: &InstanceId) -> io::Result<File> {
        let path = self.path(id);
        let mut lost = self.lost.lock();
        lost.remove(&path);
        match fs::rename(&path, self.previous(id)) {
            // It starts for the first time.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
        self.spares.take(&path)
    }

    /// Makes the next beginnings fast.
    pub(super) fn prepare(&self) {
        if let Err(error) = self.spares.fill(&self.dir) {
            // Those that begin then say it too.
            warn!(%error, "files for logs cannot be made");
        }
    }

    pub(super) fn remove(&self, id: &InstanceId) {
        let mut lost = self.lost.lock();
        for path in [self.path(id), self.previous(id)] {
            lost.remove(&path);
            let _ = fs::remove_file(path);
        }
    }

    fn remove_others(&self, ids: &BTreeSet<InstanceId>) -> io::Result<()> {
        let kept: BTreeSet<PathBuf> = ids
            .iter()
            .flat_map(|id| [self.path(id), self.previous(id)])
            .collect();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if !kept.contains(&path) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Drops the older half of a log that has grown beyond its bound. Its writers append, so they go on at the new end.
    pub(super) fn cut(&self, id: &InstanceId) -> io::Result<()> {
        let path = self.path(id);
        let mut lost = self.lost.lock();
        let length = fs::metadata(&path)?.len();
        if length <= BOUND {
            return Ok(());
        }
        // What is written meanwhile is kept as well.
        let kept = read_part(&path, length - KEPT, BOUND)?;
        let first_line = kept
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        File::options().write(true).open(&path)?.set_len(0)?;
        *lost.entry(path.clone()).or_default() += length - KEPT + size(first_line);
        let mut appending = File::options().append(true).open(&path)?;
        appending.write_all(&kept[first_line..])
    }

    /// The end of a log, as the reason why its process ended.
    pub(super) fn last_words(&self, id: &InstanceId) -> String {
        let bytes = last_bytes(&self.path(id)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].concat()
    }

    /// A log as it is read.
    pub(super) async fn read(
        &self,
        id: &InstanceId,
        options: &LogOptions,
        running: impl Fn() -> bool + Send + 'static,
    ) -> Result<LogStream, RuntimeError> {
        let path = if options.previous {
            self.previous(id)
        } else {
            self.path(id)
        };
        let tail = options.tail_lines;
        let (at, lost) = (path.clone(), Arc::clone(&self.lost));
        let start = spawn_blocking(move || start_of(&at, tail, &lost))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)));
        let start = start.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => RuntimeError::NotFound { id: id.clone() },
            _ => unreadable(error),
        })?;
        let follow = options.follow && !options.previous;
        Ok(limited(
            Reader {
                path,
                lost: Arc::clone(&self.lost),
                at: start,
                follow,
                running,
            }
            .into_stream(),
            options.limit_bytes,
        ))
    }
}

/// Where the last `lines` lines begin.
fn start_of(path: &Path, lines: Option<u64>, lost: &Lost) -> io::Result<u64> {
    let lost = lost.lock();
    let begin = lost.get(path).copied().unwrap_or(0);
    let length = fs::metadata(path)?.len();
    let start = match lines {
        None => 0,
        Some(0) => length,
        Some(lines) => {
            let from = length.saturating_sub(BOUND);
            from + size(start_of_last(&read_part(path, from, BOUND)?, lines))
        }
    };
    Ok(begin + start)
}

fn start_of_last(bytes: &[u8], lines: u64) -> usize {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let wanted = usize::try_from(lines).unwrap_or(usize::MAX);
    let breaks = body
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1);
    breaks.take(wanted).nth(wanted - 1).unwrap_or(0)
}

fn last_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let length = fs::metadata(path)?.len();
    read_part(path, length.saturating_sub(LAST_WORDS), LAST_WORDS)
}

fn read_part(path: &Path, start: u64, most: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A number of bytes in memory as one of a file.
fn size(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Reads a file that may grow, and may be cut meanwhile.
struct Reader<R> {
    path: PathBuf,
    lost: Lost,
    /// How many bytes of the log come before, those that are lost included.
    at: u64,
    follow: bool,
    running: R,
}

impl<R: Fn() -> bool + Send + 'static> Reader<R> {
    fn into_stream(self) -> LogStream {
        stream::unfold(Some(self), |reader| async move {
            let mut reader = reader?;
            match reader.next().await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some(reader))),
                Ok(None) => None,
                Err(error) => Some((Err(unreadable(error)), None)),
            }
        })
        .boxed()
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            // Asked before the read: what is written before the end is then read.
            let running = self.follow && (self.running)();
            let (path, lost, at) = (self.path.clone(), Arc::clone(&self.lost), self.at);
            let (chunk, at) = spawn_blocking(move || read_at(&path, at, &lost)).await??;
            self.at = at;
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
            if !running {
                return Ok(None);
            }
            sleep(POLL).await;
        }
    }
}

/// A chunk from `at` on, and where the next one begins. What was lost meanwhile is left out; the log of another run is
/// read from its start.
fn read_at(path: &Path, at: u64, lost: &Lost) -> io::Result<(Bytes, u64)> {
    let lost = lost.lock();
    let begin = lost.get(path).copied().unwrap_or(0);
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Bytes::new(), at)),
        file => file?,
    };
    let at = if begin + file.metadata()?.len() < at {
        begin
    } else {
        at.max(begin)
    };
    file.seek(SeekFrom::Start(at - begin))?;
    let mut chunk = vec![0; CHUNK];
    let read = file.read(&mut chunk)?;
    chunk.truncate(read);
    Ok((Bytes::from(chunk), at + size(read)))
}

fn limited(stream: LogStream, limit: Option<u64>) -> LogStream {
    let Some(limit) = limit else { return stream };
    let cut = stream.scan(limit, |left, chunk| {
        let chunk = chunk.map(|mut chunk: Bytes| {
            chunk.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= u64::try_from(chunk.len()).unwrap_or(0);
            chunk
        });
        let over = chunk.as_ref().is_ok_and(Bytes::is_empty);
        std::future::ready((!over).then_some(chunk))
    });
    cut.boxed()
}

fn unreadable(error: io::Error) -> RuntimeError {
    RuntimeError::backend_gone("the log cannot be read", error)
}

#[cfg(test)]
mod tests;
