//! Commands inside of containers.

use std::time::Duration;

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
use tokio::{sync::mpsc, time::sleep};

use crate::{
    engine::{Engine, gone},
    runtime::Shared,
};

/// How many sizes of a terminal may wait.
const SIZES: usize = 8;
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
        let exit = exit_code(self.engine.clone(), made.clone());
        let mut session = ExecSession::new(output.boxed(), exit.boxed());
        session.input = options.stdin.then_some(input);
        session.resize = options.tty.then(|| self.resizer(made));
        Ok(session)
    }

    /// Passes on the sizes of a terminal until its session ends.
    fn resizer(&self, exec: String) -> mpsc::Sender<TerminalSize> {
        let (sender, mut sizes) = mpsc::channel::<TerminalSize>(SIZES);
        let docker = self.engine.docker().clone();
        self.tasks.spawn(async move {
            while let Some(size) = sizes.recv().await {
                let options = ResizeExecOptionsBuilder::default()
                    .w(i32::from(size.columns))
                    .h(i32::from(size.rows))
                    .build();
                // A command that has ended has no terminal any more.
                let _ = docker.resize_exec(&exec, options).await;
            }
        });
        sender
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
