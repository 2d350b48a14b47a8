//! The files of a data directory: a lock, and generations of a snapshot and the log that goes on from it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::error::OpenError;

/// How every file begins.
const MAGIC: &[u8; 8] = b"KNSTORE\n";
/// The format that this code reads and writes.
const FORMAT: u32 = 1;
/// Magic and format.
pub(super) const FILE_HEADER: usize = MAGIC.len() + size_of::<u32>();

/// The first bytes of a file.
pub(super) fn header() -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    header.extend(FORMAT.to_le_bytes());
    header
}

/// Checks the first bytes of a file.
pub(super) fn check_header(path: &Path, bytes: &[u8]) -> Result<(), OpenError> {
    let format = bytes
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.first_chunk());
    let version = format.map(|format| u32::from_le_bytes(*format));
    match version {
        Some(FORMAT) => Ok(()),
        Some(version) => Err(OpenError::UnknownVersion {
            path: path.to_owned(),
            version,
            known: FORMAT,
        }),
        None => Err(OpenError::Foreign {
            path: path.to_owned(),
        }),
    }
}

/// A directory that no other store uses as long as this value lives.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    lock: File,
}

impl Directory {
    pub(super) fn lock(path: &Path) -> Result<Self, OpenError> {
        fs::create_dir_all(path).map_err(OpenError::io(path))?;
        let name = path.join("lock");
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let lock = options.open(&name).map_err(OpenError::io(&name))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                lock,
            }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
                directory: path.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(OpenError::Io { path: name, source }),
        }
    }

    /// Lets another store use the directory.
    pub(super) fn unlock(&self) -> io::Result<()> {
        self.lock.unlock()
    }

    pub(super) fn log(&self, generation: u64) -> PathBuf {
        self.path.join(format!("log-{generation:08}"))
    }

    pub(super) fn snapshot(&self, generation: u64) -> PathBuf {
        self.path.join(format!("snapshot-{generation:08}"))
    }

    /// The generations of which there is a file whose name begins so, in order.
    pub(super) fn generations(&self, prefix: &str) -> Result<Vec<u64>, OpenError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(OpenError::io(&self.path))? {
            let name = entry.map_err(OpenError::io(&self.path))?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(prefix));
            found.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Makes new names in the directory survive a loss of power.
    pub(super) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    /// Removes what a snapshot has made superfluous.
    pub(super) fn remove_before(&self, generation: u64) -> io::Result<()> {
        for (prefix, path) in [
            ("log-", Self::log as fn(&Self, u64) -> PathBuf),
            ("snapshot-", Self::snapshot),
        ] {
            let old = self.generations(prefix).unwrap_or_default();
            for old in old.into_iter().filter(|old| *old < generation) {
                fs::remove_file(path(self, old))?;
            }
        }
        Ok(())
    }
}

/// The log that is appended to.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) file: Arc<File>,
    pub(super) generation: u64,
    /// How much of it is whole records.
    pub(super) length: u64,
    /// Whether a failed write may have left something behind them.
    torn: bool,
}

impl Log {
    /// Begins an empty log.
    pub(super) fn create(directory: &Directory, generation: u64) -> io::Result<Self> {
        let path = directory.log(generation);
        let mut file = File::create(&path)?;
        file.write_all(&header())?;
        file.sync_all()?;
        directory.sync()?;
        Self::resume(directory, generation, FILE_HEADER as u64)
    }

    /// Goes on with a log of which `length` bytes are whole.
    pub(super) fn resume(directory: &Directory, generation: u64, length: u64) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.append(true).open(directory.log(generation))?;
        file.set_len(length)?;
        Ok(Self {
            file: Arc::new(file),
            generation,
            length,
            torn: false,
        })
    }

    /// Appends all bytes; what a failure leaves of them is cut off by the next call.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.length)?;
        }
        self.torn = true;
        self.file.as_ref().write_all(bytes)?;
        self.torn = false;
        self.length += bytes.len() as u64;
        Ok(())
    }
}
