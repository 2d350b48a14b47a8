//! Commands beside an instance.

use std::{process::Stdio, time::Duration};

use knative_core::runtime::{InstanceId, RuntimeError};
use tokio::{process::Command, time::timeout};

use super::Processes;
use crate::sys::spawn::inherited;

impl Processes {
    /// Runs a command with the environment of an instance.
    pub(crate) async fn exec(
        &self,
        id: &InstanceId,
        command: &[String],
        limit: Duration,
    ) -> Result<i32, RuntimeError> {
        let not_found = || RuntimeError::NotFound { id: id.clone() };
        let (env, dir) = {
            let members = self.members.lock();
            let member = members.get(id).ok_or_else(not_found)?;
            (member.env.clone(), member.working_dir.clone())
        };
        let (program, args) = command.split_first().ok_or(RuntimeError::Unsupported {
            what: "an empty command",
        })?;
        let mut process = Command::new(program);
        process
            .args(args)
            .env_clear()
            .envs(inherited())
            .envs(env)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        process.stderr(Stdio::null()).kill_on_drop(true);
        if let Some(dir) = dir {
            process.current_dir(dir);
        }
        match timeout(limit, process.status()).await {
            Ok(Ok(status)) => Ok(status.code().unwrap_or(-1)),
            Ok(Err(error)) => Err(RuntimeError::BackendGone {
                message: format!("{program:?} cannot be run"),
                source: Some(Box::new(error)),
            }),
            Err(_) => Ok(-1),
        }
    }
}
