//! Whether the engine answers at all. One that hangs keeps its connections open: only a question shows it.

use std::{sync::Arc, time::Duration};

use bollard::Docker;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// How often the engine is asked.
const PERIOD: Duration = Duration::from_secs(2);
/// How long it may take for an answer: it is slow on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many questions in a row must get no answer.
const MISSED: u32 = 2;

/// What is known of an engine's health. Clones know the same.
#[derive(Clone, Debug)]
pub(crate) struct Pulse {
    answers: Arc<watch::Sender<bool>>,
}

impl Pulse {
    pub(crate) fn new() -> Self {
        Self {
            answers: Arc::new(watch::Sender::new(true)),
        }
    }

    /// Waits while the engine answers.
    pub(crate) async fn lost(&self) {
        let mut answers = self.answers.subscribe();
        // The sender lives as long as `self`.
        let _ = answers.wait_for(|answers| !answers).await;
    }

    /// Waits until the engine answers.
    pub(crate) async fn found(&self) {
        let mut answers = self.answers.subscribe();
        // The sender lives as long as `self`.
        let _ = answers.wait_for(|answers| *answers).await;
    }

    /// Asks the engine again and again until `end`.
    pub(crate) async fn feel(self, docker: Docker, end: CancellationToken) {
        let mut missed = 0;
        loop {
            let answer = timeout(PATIENCE, docker.ping());
            let Some(answer) = end.run_until_cancelled(answer).await else {
                return;
            };
            missed = match answer {
                Ok(Ok(_)) => 0,
                Ok(Err(_)) | Err(_) => missed + 1,
            };
            self.note(missed < MISSED);
            end.run_until_cancelled(sleep(PERIOD)).await;
        }
    }

    fn note(&self, answers: bool) {
        let changed = self.answers.send_if_modified(|known| {
            let changed = *known != answers;
            *known = answers;
            changed
        });
        match (changed, answers) {
            (true, true) => tracing::info!("the engine answers again"),
            (true, false) => tracing::warn!("the engine does not answer"),
            (false, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_loss_is_told_until_it_is_over() {
        let pulse = Pulse::new();
        assert!(pulse.lost().now_or_never().is_none());
        pulse.note(false);
        pulse.lost().await;
        assert!(pulse.found().now_or_never().is_none());
        pulse.note(true);
        pulse.found().await;
        assert!(pulse.lost().now_or_never().is_none());
    }
}
