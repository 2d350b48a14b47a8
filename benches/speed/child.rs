//! Processes that a row starts. They end with it.

use std::{
    env,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child as Process, ChildStdout, Command, Stdio},
};

use anyhow::Context as _;
use serde::de::DeserializeOwned;

use crate::task::{FLAG, Task};

/// This program, busy with a task.
#[derive(Debug)]
pub(crate) struct Child {
    process: Process,
    lines: BufReader<ChildStdout>,
}

impl Child {
    pub(crate) fn start(task: &Task) -> anyhow::Result<Self> {
        let mut process = Command::new(env::current_exe()?)
            .arg(FLAG)
            .arg(serde_json::to_string(task)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let lines = process.stdout.take().context("the child has no output")?;
        Ok(Self {
            process,
            lines: BufReader::new(lines),
        })
    }

    /// A server and where it listens.
    pub(crate) fn serve(task: &Task) -> anyhow::Result<(Self, SocketAddr)> {
        let mut child = Self::start(task)?;
        let address = child.line()?.trim().parse()?;
        Ok((child, address))
    }

    /// Runs a task that answers once.
    pub(crate) async fn ask<T: DeserializeOwned + Send + 'static>(task: Task) -> anyhow::Result<T> {
        let answer = tokio::task::spawn_blocking(move || {
            let mut child = Self::start(&task)?;
            anyhow::Ok(serde_json::from_str(&child.line()?)?)
        });
        answer.await?
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The next line that it says.
    pub(crate) fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.lines.read_line(&mut line)?;
        anyhow::ensure!(!line.is_empty(), "a child ended early");
        Ok(line)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
