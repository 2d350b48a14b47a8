//! Files made ahead of the starts that need them: a file system that has just freed many of them may take milliseconds
//! to make one.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;

/// How many are kept.
const SPARES: usize = 8;

/// Empty files that have no use yet.
#[derive(Debug, Default)]
pub(super) struct Spares {
    made: AtomicU64,
    ready: Mutex<Vec<(PathBuf, File)>>,
    filling: Mutex<()>,
}

impl Spares {
    /// Makes as many in `dir` as are missing, unless somebody is at it.
    pub(super) fn fill(&self, dir: &Path) -> io::Result<()> {
        let Some(_filling) = self.filling.try_lock() else {
            return Ok(());
        };
        while self.ready.lock().len() < SPARES {
            let number = self.made.fetch_add(1, Ordering::Relaxed);
            let path = dir.join(format!("{number}.spare"));
            let file = open(&path)?;
            self.ready.lock().push((path, file));
        }
        Ok(())
    }

    /// An empty file at `path`, which does not exist. Writers append to it, so that it may be cut while it is written.
    pub(super) fn take(&self, path: &Path) -> io::Result<File> {
        let spare = self.ready.lock().pop();
        if let Some((spare, file)) = spare
            && fs::rename(spare, path).is_ok()
        {
            return Ok(file);
        }
        open(path)
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}
