//! Engines that a test has for itself.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
};

use knative_tests::engine::Engine;
use libtest_mimic::Failed;
use parking_lot::{Mutex, MutexGuard};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use crate::{
    Outcome, ensure,
    platform::{text, until},
};

/// Of the networks of these engines, so that they are no other engine's.
const ADDRESSES: &str = "base=10.210.0.0/16,size=24";

/// Whether this user can start an engine.
pub(super) fn starts_engines() -> bool {
    geteuid().is_root() && runs("dockerd")
}

/// Whether disks for engines can be made that bound what a container writes.
pub(super) fn makes_disks() -> bool {
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let known = known.split_whitespace().any(|name| name == "btrfs");
    known && runs("mkfs.btrfs") && Path::new("/dev/loop-control").exists()
}

fn runs(program: &str) -> bool {
    let version = Command::new(program).arg("--version").output();
    version.is_ok_and(|version| version.status.success())
}

/// Mounts a disk in a file where an engine keeps its data; the engine's drop takes it away.
fn disk(directory: &Path, size: u64, options: &str) -> Outcome {
    let (file, data) = (directory.join("disk"), directory.join("data"));
    File::create(&file)?.set_len(size)?;
    fs::create_dir(&data)?;
    let mut make = Command::new("mkfs.btrfs");
    let mut mount = Command::new("mount");
    for command in [
        make.arg("--quiet").arg(&file),
        mount.args(["-o", options]).arg(&file).arg(&data),
    ] {
        let output = command.output()?;
        ensure(output.status.success(), || text(&output))?;
    }
    Ok(())
}

/// An engine that nobody else uses.
#[derive(Debug)]
pub(super) struct OwnEngine {
    directory: TempDir,
    process: Child,
    /// What engines do as they start, they do to the whole machine: one at a time.
    _turn: MutexGuard<'static, ()>,
}

static TURN: Mutex<()> = Mutex::new(());

impl OwnEngine {
    pub(super) fn start() -> Result<Self, Failed> {
        Self::start_with(|_| Ok(()))
    }

    /// The same with a disk of its own, mounted with `options`.
    pub(super) fn start_with_disk(size: u64, options: &str) -> Result<Self, Failed> {
        Self::start_with(|directory| disk(directory, size, options))
    }

    fn start_with(prepare: impl FnOnce(&Path) -> Outcome) -> Result<Self, Failed> {
        // Its name is that of a namespace too, which does not begin with a dot.
        let directory = tempfile::Builder::new().prefix("engine-").tempdir()?;
        let turn = TURN.lock();
        prepare(directory.path())?;
        let process = Self::spawn(&directory)?;
        let engine = Self {
            directory,
            process,
            _turn: turn,
        };
        engine.wait()?;
        Ok(engine)
    }

    fn spawn(directory: &TempDir) -> Result<Child, Failed> {
        let directory = directory.path();
        let log = File::options()
            .create(true)
            .append(true)
            .open(directory.join("log"))?;
        let mark = directory
            .file_name()
            .ok_or("a directory without a name")?
            .to_string_lossy();
        let mut command = Command::new("dockerd");
        command
            .arg("--data-root")
            .arg(directory.join("data"))
            .arg("--exec-root")
            .arg(directory.join("exec"))
            .arg("--pidfile")
            .arg(directory.join("pid"))
            .arg("--host")
            .arg(format!("unix://{}/docker.sock", directory.display()))
            .args(["--default-address-pool", ADDRESSES])
            .args(["--bridge", "none", "--containerd-namespace", &mark])
            .args(["--containerd-plugins-namespace", &format!("{mark}-plugins")])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(command.spawn()?)
    }

    pub(super) fn host(&self) -> String {
        format!("unix://{}/docker.sock", self.directory.path().display())
    }

    fn wait(&self) -> Outcome {
        until("the engine to answer", || {
            Ok(Engine::connect(&self.host()).is_ok_and(|engine| engine.answers()))
        })
    }

    pub(super) fn end(&mut self, signal: Signal) -> Outcome {
        self.signal(signal)?;
        self.process.wait()?;
        Ok(())
    }

    pub(super) fn signal(&self, signal: Signal) -> Outcome {
        let pid = i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw);
        Ok(kill_process(pid.ok_or("the engine has no id")?, signal)?)
    }

    pub(super) fn start_again(&mut self) -> Outcome {
        // A killed engine leaves them behind, and where nobody reaps what has ended its successor takes it for alive.
        for file in ["pid", "exec/containerd/containerd.pid"] {
            let _ = fs::remove_file(self.directory.path().join(file));
        }
        self.process = Self::spawn(&self.directory)?;
        self.wait()
    }

    /// What the engine started, by its directory among their arguments.
    fn helpers(&self) -> Vec<Pid> {
        let mark = format!("{}/", self.directory.path().display());
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ours = entries.filter(|entry| {
            let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&words).contains(&mark)
        });
        ours.filter_map(|entry| {
            entry
                .file_name()
                .to_str()?
                .parse()
                .ok()
                .and_then(Pid::from_raw)
        })
        .collect()
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        // Whatever of it is gone already is gone.
        let _ = self.end(Signal::TERM);
        for helper in self.helpers() {
            let _ = kill_process(helper, Signal::KILL);
        }
        let mark = format!("{}/", self.directory.path().display());
        let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
        let mounts = mounts.lines().filter_map(|line| line.split(' ').nth(1));
        for mount in mounts.rev().filter(|mount| mount.starts_with(&mark)) {
            let _ = Command::new("umount").arg(mount).status();
        }
    }
}
