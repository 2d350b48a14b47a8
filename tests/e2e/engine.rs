//! The end of the engine, and its start, under a running platform.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use knative_tests::engine::Engine;
use libtest_mimic::{Failed, Trial};
use parking_lot::{Mutex, MutexGuard};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    Outcome, ensure,
    load::Load,
    only,
    platform::{Platform, condition, service, until},
    program::Program,
    traffic::config,
};

const IMAGE: &str = "example.local/hello";
const HOST: &str = "hello.default.localhost";
const ZERO: &str = "zero.default.localhost";

/// Of the networks of these engines, so that they are no other engine's.
const ADDRESSES: &str = "base=10.210.0.0/16,size=24";

pub(crate) fn trials() -> Vec<Trial> {
    let ignored = !starts_engines();
    let trials = only(
        Program::Docker,
        "engine",
        [
            (
                "without_it_what_has_to_start_is_told_503_and_when_to_ask_again",
                refused,
            ),
            ("killed_and_started_again_it_is_told_and_recovers", killed),
            ("started_again_in_an_orderly_way_it_recovers", restarted),
        ],
    );
    trials
        .into_iter()
        .map(|trial| trial.with_ignored_flag(ignored))
        .collect()
}

/// Whether this user can start an engine.
fn starts_engines() -> bool {
    let version = Command::new("dockerd").arg("--version").output();
    geteuid().is_root() && version.is_ok_and(|version| version.status.success())
}

/// An engine that nobody else uses.
#[derive(Debug)]
struct OwnEngine {
    directory: TempDir,
    process: Child,
    /// What engines do as they start, they do to the whole machine: one at a time.
    _turn: MutexGuard<'static, ()>,
}

static TURN: Mutex<()> = Mutex::new(());

impl OwnEngine {
    fn start() -> Result<Self, Failed> {
        // Its name is that of a namespace too, which does not begin with a dot.
        let directory = tempfile::Builder::new().prefix("engine-").tempdir()?;
        let turn = TURN.lock();
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
        let log = fs::File::options()
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

    fn host(&self) -> String {
        format!("unix://{}/docker.sock", self.directory.path().display())
    }

    fn wait(&self) -> Outcome {
        until("the engine to answer", || {
            Ok(Engine::connect(&self.host()).is_ok_and(|engine| engine.answers()))
        })
    }

    fn end(&mut self, signal: Signal) -> Outcome {
        let pid = i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw);
        kill_process(pid.ok_or("the engine has no id")?, signal)?;
        self.process.wait()?;
        Ok(())
    }

    fn start_again(&mut self) -> Outcome {
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

/// A platform on it: a service with an instance, and one that waits at zero.
fn platform(engine: &OwnEngine) -> Result<Platform, Failed> {
    let platform = Platform::on_engine(&engine.host())?;
    config(&platform)?;
    let always = json!({ "autoscaling.knative.dev/min-scale": "1" });
    platform.apply(&service("hello", IMAGE, &[], &always))?;
    let zero = json!({
        "autoscaling.knative.dev/initial-scale": "0",
        "serving.knative.dev/progress-deadline": "5s",
    });
    until("zero to be allowed", || {
        Ok(platform.apply(&service("zero", IMAGE, &[], &zero)).is_ok())
    })?;
    platform.ready("zero")?;
    platform.ready("hello")?;
    ensure(platform.call(HOST, "/")?.status == 200, || {
        "no answer".to_owned()
    })?;
    Ok(platform)
}

/// What runs answers on, and a new service says why it does not.
fn is_told(platform: &Platform) -> Outcome {
    let load = Load::new(platform.gateway(), HOST);
    load.during(2, || {
        let deadline = json!({ "serving.knative.dev/progress-deadline": "5s" });
        platform.apply(&service("late", IMAGE, &[], &deadline))?;
        let late = platform.service_when("late", "told that the engine is gone", |service| {
            condition(service, "Ready")["status"] == "False"
        })?;
        let conditions = late["status"]["conditions"].to_string();
        ensure(conditions.contains("does not answer"), || conditions)
    })?;
    load.lost_nothing()
}

fn recovers(platform: &Platform, names: &[&str]) -> Outcome {
    for name in names {
        platform.ready(name)?;
        until("it to answer", || {
            Ok(platform
                .call(&format!("{name}.default.localhost"), "/")?
                .status
                == 200)
        })?;
    }
    Ok(())
}

fn refused() -> Outcome {
    let mut engine = OwnEngine::start()?;
    let platform = platform(&engine)?;
    engine.end(Signal::KILL)?;
    let answer = platform.call(ZERO, "/");
    // What is left on it is removed by an engine only.
    engine.start_again()?;
    let answer = answer?;
    ensure(answer.status == 503 && answer.retry_after.is_some(), || {
        format!("{answer:?}")
    })
}

/// The containers of a killed engine run on until its successor ends them.
fn killed() -> Outcome {
    let mut engine = OwnEngine::start()?;
    let platform = platform(&engine)?;
    engine.end(Signal::KILL)?;
    let told = is_told(&platform);
    engine.start_again()?;
    told?;
    recovers(&platform, &["zero", "late", "hello"])
}

fn restarted() -> Outcome {
    let mut engine = OwnEngine::start()?;
    let platform = platform(&engine)?;
    engine.end(Signal::TERM)?;
    engine.start_again()?;
    recovers(&platform, &["zero", "hello"])
}
