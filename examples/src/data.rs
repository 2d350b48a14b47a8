//! The data directory: its format, who uses it, and what is remembered in it.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use knative_core::Ids;
use serde_json::{Map, Value, json};

/// How the file that names the format begins.
const MAGIC: &str = "knative-data";
/// The format that this program reads and writes.
const VERSION: &str = "1";

/// A data directory whose format is known.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
}

/// A data directory that no other platform uses as long as this value lives.
#[derive(Debug)]
pub struct OwnedDataDir {
    dir: DataDir,
    settings: Map<String, Value>,
    _lock: File,
}

impl DataDir {
    /// Opens a directory, or makes one.
    pub fn open(path: &Path) -> Result<Self> {
        fs::create_dir_all(path)
            .with_context(|| format!("cannot make data directory {}", path.display()))?;
        let format = path.join("format");
        match fs::read_to_string(&format) {
            Ok(text) => check_format(path, &text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                replace(&format, &format!("{MAGIC} {VERSION}\n"))?;
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", format.display()));
            }
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Where images are.
    pub fn images(&self) -> PathBuf {
        self.path.join("images")
    }

    /// Takes the directory for one platform.
    pub fn lock(self) -> Result<OwnedDataDir> {
        let path = self.path.join("lock");
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "data directory {} is in use by another platform{}",
                self.path.display(),
                holder(&mut file)
            ),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
        file.set_len(0)?;
        write!(file, "{}", std::process::id())?;
        let settings = read_settings(&self.settings())?;
        let mut owned = OwnedDataDir {
            dir: self,
            settings,
            _lock: file,
        };
        if owned.settings.get("platform").is_none() {
            owned.remember("platform", json!(Ids::from_entropy()?.uid()))?;
        }
        Ok(owned)
    }

    fn settings(&self) -> PathBuf {
        self.path.join("settings.json")
    }
}

impl OwnedDataDir {
    /// Where images are.
    pub fn images(&self) -> PathBuf {
        self.dir.images()
    }

    /// Where objects are.
    pub(crate) fn store(&self) -> PathBuf {
        self.dir.path.join("store")
    }

    /// Where the runtime keeps records and logs of its processes.
    pub fn runtime(&self) -> PathBuf {
        self.dir.path.join("runtime")
    }

    /// Where the API's keys are.
    pub(crate) fn credentials(&self) -> PathBuf {
        self.dir.path.join("pki")
    }

    /// What kubectl reads.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.dir.path.join("kubeconfig")
    }

    /// The name by which processes on this machine are known as this platform's.
    pub fn platform(&self) -> &str {
        let name = self.settings.get("platform").and_then(Value::as_str);
        name.unwrap_or_default()
    }

    /// `address`, with the port that was picked before in the place of 0.
    pub(crate) fn address(&self, name: &str, address: SocketAddr) -> SocketAddr {
        let remembered = self.settings.get(name).and_then(Value::as_u64);
        match remembered.and_then(|port| u16::try_from(port).ok()) {
            Some(port) if address.port() == 0 => SocketAddr::new(address.ip(), port),
            _ => address,
        }
    }

    /// Remembers the port that was picked in the place of 0.
    pub(crate) fn picked(&mut self, name: &str, asked: SocketAddr, port: u16) -> Result<()> {
        if asked.port() == 0 {
            self.remember(name, json!(port))?;
        }
        Ok(())
    }

    fn remember(&mut self, name: &str, value: Value) -> Result<()> {
        if self.settings.get(name) != Some(&value) {
            self.settings.insert(name.to_owned(), value);
            let text = serde_json::to_string_pretty(&self.settings)?;
            replace(&self.dir.settings(), &text)?;
        }
        Ok(())
    }
}

fn check_format(path: &Path, text: &str) -> Result<()> {
    let path = path.display();
    match text.trim().split_once(' ') {
        Some((MAGIC, VERSION)) => Ok(()),
        Some((MAGIC, other)) => bail!(
            "data directory {path} has format version {other}, and this program knows version {VERSION} only"
        ),
        _ => bail!("{path} is not a data directory of a platform"),
    }
}

fn read_settings(path: &Path) -> Result<Map<String, Value>> {
    match fs::read(path) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Map::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Writes a file whole or not at all.
fn replace(path: &Path, text: &str) -> Result<()> {
    let next = path.with_extension("next");
    fs::write(&next, text)
        .and_then(|()| fs::rename(&next, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    match read.map(|_| text.trim().parse::<u32>()) {
        Ok(Ok(process)) => format!(" (process {process})"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, net::SocketAddr};

    use super::DataDir;

    #[test]
    fn ports_are_picked_once() {
        let scratch = tempfile::tempdir().unwrap();
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        let mut first = DataDir::open(scratch.path()).unwrap().lock().unwrap();
        assert_eq!(first.address("gateway", any), any);
        first.picked("gateway", any, 4711).unwrap();
        let name = first.platform().to_owned();
        drop(first);
        let second = DataDir::open(scratch.path()).unwrap().lock().unwrap();
        assert_eq!(second.address("gateway", any).port(), 4711);
        assert_eq!(second.address("api", any).port(), 0);
        let fixed: SocketAddr = ([127, 0, 0, 1], 80).into();
        assert_eq!(second.address("gateway", fixed), fixed);
        assert_eq!(second.platform(), name);
    }

    #[test]
    fn a_directory_has_one_user() {
        let scratch = tempfile::tempdir().unwrap();
        let first = DataDir::open(scratch.path()).unwrap().lock().unwrap();
        let refused = DataDir::open(scratch.path()).unwrap().lock().unwrap_err();
        let expected = format!(
            "is in use by another platform (process {})",
            std::process::id()
        );
        assert!(refused.to_string().ends_with(&expected), "{refused}");
        drop(first);
        DataDir::open(scratch.path()).unwrap().lock().unwrap();
    }

    #[test]
    fn unknown_formats_are_refused() {
        for (text, expected) in [
            ("knative-data 7\n", "has format version 7"),
            ("something else", "is not a data directory of a platform"),
        ] {
            let scratch = tempfile::tempdir().unwrap();
            fs::write(scratch.path().join("format"), text).unwrap();
            let refused = DataDir::open(scratch.path()).unwrap_err().to_string();
            assert!(refused.contains(expected), "{refused}");
        }
    }
}
