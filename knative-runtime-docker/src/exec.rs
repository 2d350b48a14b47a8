//! Commands inside of containers.

use std::{io, os::fd::OwnedFd, pin::Pin, time::Duration};

use bollard::{
    container::LogOutput,
    exec::{StartExecOptions, StartExecResults},
    models::ExecConfig,
    query_parameters::ResizeExecOptionsBuilder,
};
use futures::{FutureExt as _, StreamExt as _};
use knative_core::runtime::{
    ExecOptions, ExecOutput, ExecSession, InstanceId, RuntimeError, TerminalSize,
};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::{
    fs,
    io::{AsyncWrite, AsyncWriteExt as _, copy, duplex},
    sync::{mpsc, oneshot},
    time::sleep,
};

use crate::{
    engine::{Engine, gone},
    shared::Shared,
};

/// How many sizes of a terminal may wait.
const SIZES: usize = 8;
/// How many bytes of a command's input may wait.
const INPUT: usize = 64 << 10;
/// How often, and how many times, the engine is asked for an exit code that it does not know yet.
const CODE: (Duration, usize) = (Duration::from_millis(10), 100);

impl Shared {
    /// Runs a command in one of an instance's containers.
    pub(crate) async fn exec(
        &self,
        id: &InstanceId,
        options: &ExecOptions,
    ) -> Result<ExecSession, RuntimeError> {
        let held = self.held(id, options.container.as_deref())?;
        let docker = self.engine.docker();
        let config = ExecConfig {
            attach_stdin: Some(options.stdin),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(options.tty),
            cmd: Some(options.command.clone()),
            ..ExecConfig::default()
        };
        let made = docker.create_exec(&held.id, config).await;
        let made = made.map_err(|error| gone("running a command", error))?.id;
        let over = self.watch_exec(&held.id, &made);
        let start = StartExecOptions {
            tty: options.tty,
            ..StartExecOptions::default()
        };
        let started = docker.start_exec(&made, Some(start)).await;
        let started = started.map_err(|error| gone("running a command", error))?;
        let StartExecResults::Attached { output, input } = started else {
            return Err(RuntimeError::Unsupported {
                what: "a command without its output",
            });
        };
        let output = output.map(|piece| match piece {
            Ok(LogOutput::StdErr { message }) => Ok(ExecOutput::Stderr(message)),
            Ok(piece) => Ok(ExecOutput::Stdout(piece.into_bytes())),
            Err(error) => Err(gone("the command's output broke", error)),
        });
        let asked = exit_code(self.engine.clone(), made.clone());
        let exit = async move {
            let code = asked.await;
            // The runtime may be over.
            let _ = over.send(());
            code
        };
        let mut session = ExecSession::new(output.boxed(), exit.boxed());
        session.input = options.stdin.then(|| self.passed_on(input));
        session.resize = options.tty.then(|| self.resizer(made));
        Ok(session)
    }

    /// Passes on what a command reads, and its end: the engine's connection stays open for the output, so dropping the part
    /// that is written to does not tell.
    fn passed_on(
        &self,
        mut engine: Pin<Box<dyn AsyncWrite + Send>>,
    ) -> Pin<Box<dyn AsyncWrite + Send>> {
        let (input, mut written) = duplex(INPUT);
        self.spawn_until_end(async move {
            // A command that has ended reads no more.
            if copy(&mut written, &mut engine).await.is_ok() {
                let _ = engine.shutdown().await;
            }
        });
        Box::pin(input)
    }

    /// Passes on the sizes of a terminal until its session ends.
    fn resizer(&self, exec: String) -> mpsc::Sender<TerminalSize> {
        let (sender, mut sizes) = mpsc::channel::<TerminalSize>(SIZES);
        let docker = self.engine.docker().clone();
        let resizing = async move {
            while let Some(size) = sizes.recv().await {
                let options = ResizeExecOptionsBuilder::default()
                    .w(i32::from(size.columns))
                    .h(i32::from(size.rows))
                    .build();
                // A command that has ended has no terminal any more.
                let _ = docker.resize_exec(&exec, options).await;
            }
        };
        self.spawn_until_end(resizing);
        sender
    }

    /// Ends a command whose session is dropped: a probe that is put again and again would leave more of them each time.
    /// Dropping what this answers with before it is used tells so.
    fn watch_exec(&self, container: &str, exec: &str) -> oneshot::Sender<()> {
        let (over, dropped) = oneshot::channel();
        let engine = self.engine.clone();
        let (container, exec) = (container.to_owned(), exec.to_owned());
        self.spawn_until_end(async move {
            if dropped.await.is_err()
                && let Err(error) = kill(&engine, &container, &exec).await
            {
                tracing::warn!(%container, %error, "a command that nobody waits for may run on");
            }
        });
        over
    }

    fn spawn_until_end(&self, task: impl Future<Output = ()> + Send + 'static) {
        let end = self.end.clone();
        self.tasks
            .spawn(async move { end.run_until_cancelled(task).await });
    }
}

async fn exit_code(engine: Engine, exec: String) -> Result<i32, RuntimeError> {
    // The output ends a moment before the engine knows the code.
    for _ in 0..CODE.1 {
        let inspected = engine.docker().inspect_exec(&exec).await;
        let inspected = inspected.map_err(|error| gone("asking for an exit code", error))?;
        if inspected.running != Some(true)
            && let Some(code) = inspected.exit_code
        {
            return Ok(i32::try_from(code).unwrap_or(-1));
        }
        sleep(CODE.0).await;
    }
    Err(RuntimeError::BackendGone {
        message: "the command's exit code is unknown".to_owned(),
        source: None,
    })
}

/// Kills a command, if it is a process of this machine. The engine cannot do so.
async fn kill(engine: &Engine, container: &str, exec: &str) -> io::Result<()> {
    let Some(pid) = running(engine, exec).await? else {
        return Ok(());
    };
    let process: OwnedFd = pidfd_open(pid, PidfdFlags::empty())?;
    let groups = fs::read_to_string(format!("/proc/{}/cgroup", pid.as_raw_pid())).await?;
    // The number may be another machine's, or by now another process's: then the command is not what was opened.
    if !groups.contains(container) {
        return Err(io::Error::other("it is no process of this machine"));
    }
    if running(engine, exec).await? == Some(pid) {
        pidfd_send_signal(&process, Signal::KILL)?;
    }
    Ok(())
}

/// The process of a command that runs.
async fn running(engine: &Engine, exec: &str) -> io::Result<Option<Pid>> {
    let inspected = engine.docker().inspect_exec(exec).await;
    let inspected = inspected.map_err(io::Error::other)?;
    Ok(inspected
        .pid
        .and_then(|pid| process(inspected.running, pid)))
}

/// The process that the engine names; it says 0 of one that has not started, and 1 would be the machine's first.
fn process(running: Option<bool>, pid: i64) -> Option<Pid> {
    let pid = i32::try_from(pid).ok().filter(|pid| *pid > 1)?;
    Pid::from_raw(pid).filter(|_| running == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_that_runs_may_be_killed() {
        let rows = [
            (Some(true), 4242, Some(4242)),
            (Some(false), 4242, None),
            (None, 4242, None),
            (Some(true), 1, None),
            (Some(true), 0, None),
            (Some(true), -1, None),
            (Some(true), i64::MAX, None),
        ];
        for (running, pid, want) in rows {
            let found = process(running, pid).map(Pid::as_raw_pid);
            assert_eq!(found, want, "{running:?} {pid}");
        }
    }
}
