//! One probe and its timing.

use std::sync::Arc;

use tokio::time::{sleep, timeout};

use crate::{
    http::Endpoint,
    runtime::{
        ExecOptions, InstanceId, InstanceRuntime,
        probe::{Check, Prober, Schedule},
    },
};

#[derive(Clone, Debug)]
pub(super) struct Probing {
    pub(super) id: InstanceId,
    pub(super) container: String,
    pub(super) backend: Arc<dyn InstanceRuntime>,
    pub(super) prober: Prober,
    pub(super) check: Check,
    pub(super) schedule: Schedule,
}

impl Probing {
    /// Asks until enough successes in a row, or until `failures` in a row.
    pub(super) async fn pass(
        &self,
        endpoint: &Endpoint,
        failures: Option<u32>,
    ) -> Result<(), String> {
        let schedule = &self.schedule;
        let (mut succeeded, mut failed) = (0, 0);
        sleep(schedule.initial_delay).await;
        loop {
            match self.ask(endpoint).await {
                Ok(()) => (succeeded, failed) = (succeeded + 1, 0),
                Err(message) => {
                    (succeeded, failed) = (0, failed + 1);
                    if failures.is_some_and(|failures| failed >= failures) {
                        return Err(message);
                    }
                }
            }
            if succeeded >= schedule.successes {
                return Ok(());
            }
            sleep(schedule.first_period).await;
        }
    }

    /// Asks until there were too many failures in a row.
    pub(super) async fn fail(&self, endpoint: &Endpoint) -> String {
        sleep(self.schedule.initial_delay).await;
        let mut failed = 0;
        loop {
            sleep(self.schedule.period).await;
            match self.ask(endpoint).await {
                Ok(()) => failed = 0,
                Err(message) => {
                    failed += 1;
                    if failed >= self.schedule.failures {
                        return message;
                    }
                }
            }
        }
    }

    /// Asks for ever, and tells of each change; at first it is ready.
    pub(super) async fn watch(&self, endpoint: &Endpoint, tell: impl Fn(Result<(), String>)) {
        let (mut ready, mut streak) = (true, 0);
        loop {
            sleep(self.schedule.period).await;
            let answer = self.ask(endpoint).await;
            streak = if answer.is_ok() == ready {
                0
            } else {
                streak + 1
            };
            let needed = if ready {
                self.schedule.failures
            } else {
                self.schedule.successes
            };
            if streak >= needed {
                (ready, streak) = (!ready, 0);
                tell(answer);
            }
        }
    }

    async fn ask(&self, endpoint: &Endpoint) -> Result<(), String> {
        let limit = self.schedule.timeout;
        let answer = async {
            match &self.check {
                Check::Exec { command } => self.exec(command).await,
                check => self
                    .prober
                    .check(check, endpoint)
                    .await
                    .map_err(|error| error.to_string()),
            }
        };
        timeout(limit, answer)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {limit:?}")))
    }

    async fn exec(&self, command: &[String]) -> Result<(), String> {
        let mut options = ExecOptions::command(command);
        options.container = Some(self.container.clone());
        let code = async { self.backend.exec(&self.id, &options).await?.finish().await };
        match code.await {
            Ok(0) => Ok(()),
            Ok(code) => Err(format!("the command ended with {code}")),
            Err(error) => Err(error.to_string()),
        }
    }
}
