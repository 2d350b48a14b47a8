//! How a container ended, and what it said about it.

use std::sync::Arc;

use bollard::{container::LogOutput, query_parameters::LogsOptionsBuilder};
use futures::StreamExt as _;
use knative_core::runtime::{Exit, InstanceEvent, StartError};
use tokio::fs;

use crate::{
    label,
    member::{Death, Member},
    runtime::Shared,
};

/// The most that is kept of a termination message, as a kubelet does.
const MESSAGE: usize = 4096;
/// The most that is kept of a log in its place, and how many lines, as a kubelet does.
const LOG: (usize, usize) = (2048, 80);

impl Shared {
    /// Takes note that a container ended, and tells the platform if an instance ends with it.
    pub(crate) fn died(self: &Arc<Self>, container: &str) {
        if self.pool.lost(container) {
            let (shared, container) = (Arc::clone(self), container.to_owned());
            self.tasks.spawn(async move {
                if let Err(error) = shared.sandboxes.remove(&container).await {
                    tracing::warn!(%container, %error, "a sandbox that ended could not be removed");
                }
            });
            return;
        }
        let Some(member) = self.owner(container) else {
            return;
        };
        if let Some(death) = member.died(container) {
            let shared = Arc::clone(self);
            self.tasks.spawn(async move {
                let exit = shared.exit_of(&member, &death).await;
                let id = member.id.clone();
                // Nobody listens before the platform runs; then nobody waits for it either.
                let _ = shared.events.send(InstanceEvent::Exited { id, exit });
            });
        }
    }

    /// The error of a start that a death ended.
    pub(crate) async fn crash(&self, member: &Member, death: &Death) -> StartError {
        StartError::CrashLoop(self.exit_of(member, death).await)
    }

    async fn exit_of(&self, member: &Member, death: &Death) -> Exit {
        let held = &death.container;
        self.exit(member, &held.id, &held.name).await
    }

    /// How a container ended.
    pub(crate) async fn exit(&self, member: &Member, id: &str, name: &str) -> Exit {
        let inspected = self.engine.docker().inspect_container(id, None).await.ok();
        let config = inspected.as_ref().and_then(|found| found.config.clone());
        let state = inspected.and_then(|found| found.state).unwrap_or_default();
        let code = state.exit_code.and_then(|code| i32::try_from(code).ok());
        let mut message = self.message(member, name).await;
        let labels = config.and_then(|config| config.labels).unwrap_or_default();
        if message.is_empty() && code != Some(0) && labels.contains_key(label::FALL_BACK) {
            message = self.last_words(id).await;
        }
        Exit {
            container: Some(name.to_owned()),
            code,
            signal: None,
            out_of_memory: state.oom_killed.unwrap_or_default(),
            message,
        }
    }

    async fn message(&self, member: &Member, name: &str) -> String {
        let file = self.directories.message(&member.id, name);
        let bytes = fs::read(file).await.unwrap_or_default();
        let kept = &bytes[..bytes.len().min(MESSAGE)];
        String::from_utf8_lossy(kept).into_owned()
    }

    async fn last_words(&self, id: &str) -> String {
        let options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .tail(&LOG.1.to_string())
            .build();
        let mut pieces = self.engine.docker().logs(id, Some(options));
        let mut text = Vec::new();
        while let Some(Ok(piece)) = pieces.next().await {
            text.extend_from_slice(&LogOutput::into_bytes(piece));
            // A line may be as long as it likes.
            text.drain(..text.len().saturating_sub(LOG.0));
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}
