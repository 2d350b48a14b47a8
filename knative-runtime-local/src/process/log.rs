//! What processes print: a file each, cut at a bound, read from its end or followed.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use knative_core::runtime::{InstanceId, LogOptions, LogStream, RuntimeError};
use tokio::{task::spawn_blocking, time::sleep};

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

/// The directory of logs.
#[derive(Clone, Debug)]
pub(super) struct Logs {
    dir: PathBuf,
}

impl Logs {
    pub(super) fn open(dir: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        Ok(Self { dir })
    }

    pub(super) fn path(&self, id: &InstanceId) -> PathBuf {
        self.dir.join(format!("{id}.log"))
    }

    fn previous(&self, id: &InstanceId) -> PathBuf {
        self.dir.join(format!("{id}.previous.log"))
    }

    /// Sets the log of an earlier run aside.
    pub(super) fn rotate(&self, id: &InstanceId) {
        // An instance that starts for the first time has none.
        let _ = fs::rename(self.path(id), self.previous(id));
    }

    pub(super) fn remove(&self, id: &InstanceId) {
        for path in [self.path(id), self.previous(id)] {
            let _ = fs::remove_file(path);
        }
    }

    /// Drops the older half of a log that has grown beyond its bound. Its writers append, so they go on at the new end.
    pub(super) fn cut(&self, id: &InstanceId) -> io::Result<()> {
        let path = self.path(id);
        if fs::metadata(&path)?.len() <= BOUND {
            return Ok(());
        }
        let kept = read_end(&path, KEPT)?;
        let first_line = kept
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let file = File::options().write(true).open(&path)?;
        file.set_len(0)?;
        let mut appending = File::options().append(true).open(&path)?;
        io::Write::write_all(&mut appending, &kept[first_line..])
    }

    /// The end of a log, as the reason why its process ended.
    pub(super) fn last_words(&self, id: &InstanceId) -> String {
        let bytes = read_end(&self.path(id), LAST_WORDS).unwrap_or_default();
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
        let at = path.clone();
        let start = spawn_blocking(move || start_of(&at, tail))
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
fn start_of(path: &Path, lines: Option<u64>) -> io::Result<u64> {
    let length = fs::metadata(path)?.len();
    let Some(lines) = lines else { return Ok(0) };
    let bytes = fs::read(path)?;
    let body = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let wanted = usize::try_from(lines).unwrap_or(usize::MAX);
    if wanted == 0 {
        return Ok(length);
    }
    let breaks = body
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1);
    let start = breaks.take(wanted).nth(wanted - 1).unwrap_or(0);
    Ok(u64::try_from(start).unwrap_or(length))
}

fn read_end(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(most)))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a file that may grow, and may be cut meanwhile.
struct Reader<R> {
    path: PathBuf,
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
            let (path, at) = (self.path.clone(), self.at);
            let (chunk, at) = spawn_blocking(move || read_at(&path, at)).await??;
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

/// A chunk from `at` on, and where the next one begins. A file that was cut is read from its start.
fn read_at(path: &Path, at: u64) -> io::Result<(Bytes, u64)> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Bytes::new(), at)),
        file => file?,
    };
    let at = if file.metadata()?.len() < at { 0 } else { at };
    file.seek(SeekFrom::Start(at))?;
    let mut chunk = vec![0; CHUNK];
    let read = file.read(&mut chunk)?;
    chunk.truncate(read);
    Ok((Bytes::from(chunk), at + u64::try_from(read).unwrap_or(0)))
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
    RuntimeError::BackendGone {
        message: "the log cannot be read".to_owned(),
        source: Some(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn text(mut stream: LogStream) -> String {
        let mut text = Vec::new();
        while let Some(chunk) = stream.next().await {
            text.extend_from_slice(&chunk.unwrap());
        }
        String::from_utf8(text).unwrap()
    }

    fn logs(content: &[u8]) -> (tempfile::TempDir, Logs, InstanceId) {
        let dir = tempfile::tempdir().unwrap();
        let logs = Logs::open(dir.path().to_owned()).unwrap();
        let id = InstanceId::new("a");
        fs::write(logs.path(&id), content).unwrap();
        (dir, logs, id)
    }

    #[tokio::test]
    async fn tails_and_limits() {
        let (_dir, logs, id) = logs(b"one\ntwo\nthree\n");
        let rows = [
            (None, None, "one\ntwo\nthree\n"),
            (Some(2), None, "two\nthree\n"),
            (Some(0), None, ""),
            (Some(9), Some(5), "one\nt"),
        ];
        for (tail_lines, limit_bytes, want) in rows {
            let mut options = LogOptions::default();
            (options.tail_lines, options.limit_bytes) = (tail_lines, limit_bytes);
            assert_eq!(
                text(logs.read(&id, &options, || false).await.unwrap()).await,
                want,
                "{tail_lines:?}"
            );
        }
    }

    #[test]
    fn a_log_beyond_its_bound_loses_its_older_half() {
        let line = b"0123456789abcde\n";
        let (_dir, logs, id) = logs(&line.repeat(usize::try_from(BOUND).unwrap() / line.len() + 1));
        logs.cut(&id).unwrap();
        let left = fs::read(logs.path(&id)).unwrap();
        assert!(
            u64::try_from(left.len()).unwrap() <= KEPT
                && left.starts_with(line)
                && left.ends_with(line)
        );
    }
}
