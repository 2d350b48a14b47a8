//! Memory limits, where a memory cgroup of this machine is writable.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use knative_core::runtime::InstanceId;

/// The file that holds the limit, in cgroup v2 and v1.
const LIMIT_FILES: [&str; 2] = ["memory.max", "memory.limit_in_bytes"];

/// A writable directory of the memory controller, below which instances get their own.
#[derive(Clone, Debug)]
pub(crate) struct MemoryCgroup {
    dir: PathBuf,
    limit_file: &'static str,
}

impl MemoryCgroup {
    /// The platform's own directory below the first memory hierarchy that can be written.
    pub(crate) fn find(platform: &str) -> Option<Self> {
        candidates().into_iter().find_map(|parent| {
            let dir = parent.join(format!("knative-{platform}"));
            make_dir(&dir).ok()?;
            // In v2 a group hands controllers on only if it says so, which its parents may not allow.
            let _ = fs::write(dir.join("cgroup.subtree_control"), "+memory");
            let limit_file = limit_file_below(&dir);
            if limit_file.is_none() {
                let _ = fs::remove_dir(&dir);
            }
            Some(Self {
                dir,
                limit_file: limit_file?,
            })
        })
    }

    /// Limits a process and all that it starts from now on.
    pub(crate) fn limit(&self, id: &InstanceId, pid: u32, bytes: u64) -> io::Result<()> {
        let dir = self.dir.join(id.as_str());
        make_dir(&dir)?;
        fs::write(dir.join(self.limit_file), bytes.to_string())?;
        fs::write(dir.join("cgroup.procs"), pid.to_string())
    }

    /// Whether a process of the instance was killed for its memory.
    pub(crate) fn was_killed(&self, id: &InstanceId) -> bool {
        let dir = self.dir.join(id.as_str());
        ["memory.events", "memory.oom_control"]
            .into_iter()
            .any(|file| {
                let text = fs::read_to_string(dir.join(file)).unwrap_or_default();
                let count = text
                    .lines()
                    .find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse::<u64>().ok());
                count.is_some_and(|count| count > 0)
            })
    }

    /// Removes the instance's directory; it is empty once its processes are gone.
    pub(crate) fn remove(&self, id: &InstanceId) {
        let _ = fs::remove_dir(self.dir.join(id.as_str()));
    }

    /// Removes the platform's directory, unless instances that go on are in it.
    pub(crate) fn remove_all(&self) {
        let _ = fs::remove_dir(&self.dir);
    }
}

/// The file that limits a group below `dir`, found by making one.
fn limit_file_below(dir: &Path) -> Option<&'static str> {
    let child = dir.join("trial");
    make_dir(&child).ok()?;
    let found = LIMIT_FILES
        .into_iter()
        .find(|file| child.join(file).exists());
    let _ = fs::remove_dir(&child);
    found
}

fn candidates() -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    own.lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            let path = path.trim_start_matches('/');
            match controllers {
                "" => Some(root.join(path)),
                _ if controllers
                    .split(',')
                    .any(|controller| controller == "memory") =>
                {
                    Some(root.join("memory").join(path))
                }
                _ => None,
            }
        })
        .collect()
}

fn make_dir(dir: &Path) -> io::Result<()> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}
