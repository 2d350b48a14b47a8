//! Commands that are run inside of an instance.

use std::{fmt, pin::Pin};

use bytes::Bytes;
use futures::{StreamExt as _, future::BoxFuture, stream::BoxStream};
use tokio::{io::AsyncWrite, sync::mpsc};

use super::RuntimeError;

/// What is run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExecOptions {
    /// In which container; the serving one if `None`.
    pub container: Option<String>,
    /// The command and its arguments, not interpreted by a shell.
    pub command: Vec<String>,
    /// Whether it reads input.
    pub stdin: bool,
    /// Whether it gets a terminal; then all its output is [`ExecOutput::Stdout`].
    pub tty: bool,
}

impl ExecOptions {
    /// A command without input and terminal, in the container that serves requests.
    pub fn command(command: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            command: command.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }
}

/// A piece of a command's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecOutput {
    /// Of its standard output.
    Stdout(Bytes),
    /// Of its standard error.
    Stderr(Bytes),
}

/// The size of a terminal in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSize {
    /// Characters in a line.
    pub columns: u16,
    /// Lines.
    pub rows: u16,
}

/// A command that runs. Dropping it lets go of the command, and ends it where the backend can.
#[non_exhaustive]
pub struct ExecSession {
    /// What it prints, until both its outputs are closed.
    pub output: BoxStream<'static, Result<ExecOutput, RuntimeError>>,
    /// What it reads, where that was asked for; dropping it closes the command's input.
    pub input: Option<Pin<Box<dyn AsyncWrite + Send>>>,
    /// Takes sizes of its terminal, where it has one.
    pub resize: Option<mpsc::Sender<TerminalSize>>,
    /// Its exit code, once its output has ended.
    pub exit: BoxFuture<'static, Result<i32, RuntimeError>>,
}

impl ExecSession {
    /// A command that reads nothing and has no terminal.
    pub fn new(
        output: BoxStream<'static, Result<ExecOutput, RuntimeError>>,
        exit: BoxFuture<'static, Result<i32, RuntimeError>>,
    ) -> Self {
        Self {
            output,
            input: None,
            resize: None,
            exit,
        }
    }

    /// Waits until the command ends; its output goes nowhere.
    ///
    /// # Errors
    /// [`RuntimeError::BackendGone`].
    pub async fn finish(mut self) -> Result<i32, RuntimeError> {
        drop(self.input.take());
        while let Some(piece) = self.output.next().await {
            piece?;
        }
        self.exit.await
    }
}

impl fmt::Debug for ExecSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecSession")
            .field("input", &self.input.is_some())
            .field("terminal", &self.resize.is_some())
            .finish_non_exhaustive()
    }
}
