//! Commands beside an instance.

use std::{
    io,
    process::{ExitStatus, Stdio},
};

use futures::{FutureExt as _, StreamExt as _, stream};
use knative_core::runtime::{ExecOptions, ExecOutput, ExecSession, InstanceId, RuntimeError};
use tokio::process::{Child, Command};
use tokio_util::io::ReaderStream;

use super::Processes;
use crate::sys::spawn::inherited;

impl Processes {
    /// Runs a command with the environment of an instance. It ends when its session is dropped.
    pub(crate) fn exec(
        &self,
        id: &InstanceId,
        options: &ExecOptions,
    ) -> Result<ExecSession, RuntimeError> {
        let not_found = || RuntimeError::NotFound { id: id.clone() };
        let (env, dir) = {
            let members = self.members.lock();
            let member = members.get(id).ok_or_else(not_found)?;
            (member.env.clone(), member.working_dir.clone())
        };
        if options.tty {
            return Err(RuntimeError::Unsupported { what: "a terminal" });
        }
        let (program, args) = options
            .command
            .split_first()
            .ok_or(RuntimeError::Unsupported {
                what: "an empty command",
            })?;
        let mut process = Command::new(program);
        process
            .args(args)
            .env_clear()
            .envs(inherited())
            .envs(env)
            .stdin(if options.stdin {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped());
        process.stderr(Stdio::piped()).kill_on_drop(true);
        if let Some(dir) = dir {
            process.current_dir(dir);
        }
        match process.spawn() {
            Ok(child) => Ok(session(child)),
            Err(error) => not_run(program, error),
        }
    }
}

/// The session of a program that is none: it ends at once with what a shell says and answers (POSIX.1-2017, Shell Command
/// Language 2.8.2), as one in a container does.
fn not_run(program: &str, error: io::Error) -> Result<ExecSession, RuntimeError> {
    let code = match error.kind() {
        io::ErrorKind::NotFound => 127,
        io::ErrorKind::PermissionDenied => 126,
        _ => {
            return Err(RuntimeError::backend_gone(
                format!("{program:?} cannot be run"),
                error,
            ));
        }
    };
    let said = ExecOutput::Stderr(format!("exec: {program:?}: {error}\n").into());
    let output = stream::iter([Ok(said)]).boxed();
    Ok(ExecSession::new(output, async move { Ok(code) }.boxed()))
}

fn session(mut child: Child) -> ExecSession {
    let stdout = child.stdout.take().map(ReaderStream::new);
    let stderr = child.stderr.take().map(ReaderStream::new);
    let pieces = |piece: fn(bytes::Bytes) -> ExecOutput| {
        move |read: io::Result<bytes::Bytes>| match read {
            Ok(bytes) => Ok(piece(bytes)),
            Err(error) => Err(RuntimeError::backend_gone(
                "the command's output broke",
                error,
            )),
        }
    };
    let stdout = stream::iter(stdout)
        .flatten()
        .map(pieces(ExecOutput::Stdout));
    let stderr = stream::iter(stderr)
        .flatten()
        .map(pieces(ExecOutput::Stderr));
    let output = stream::select(stdout, stderr).boxed();
    let input = child.stdin.take();
    let exit = async move {
        let ended = child.wait().await;
        ended
            .map(code)
            .map_err(|error| RuntimeError::backend_gone("the command's end is unknown", error))
    };
    let mut session = ExecSession::new(output, exit.boxed());
    session.input = input.map(|input| Box::pin(input) as _);
    session
}

/// The exit code, for a signal as a shell shows it.
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    let signal = status.signal().map(|signal| 128 + signal);
    status.code().or(signal).unwrap_or(-1)
}
