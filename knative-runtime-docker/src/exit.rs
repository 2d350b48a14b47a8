//! How a container ended, and what it said about it.

use std::{
    io::{self, SeekFrom},
    path::Path,
    sync::Arc,
};

use bollard::{container::LogOutput, query_parameters::LogsOptionsBuilder};
use futures::StreamExt as _;
use knative_core::runtime::{Exit, InstanceEvent, StartError};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
};

use crate::{
    label::{self, Role},
    member::{Death, Member},
    shared::Shared,
};

/// The most that is kept of a termination message, as a kubelet does.
const MESSAGE: u64 = 4096;
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
        let mut exit = self.exit(member, &held.id, &held.name).await;
        if held.role != Role::Main {
            // It is none of the instance's own, but what these stand on.
            exit.container = None;
        }
        exit
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
        let kept = end_of(&file).await.unwrap_or_default();
        String::from_utf8_lossy(&kept).into_owned()
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

/// The last bytes of a termination message, which a container may write without end.
async fn end_of(message: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(message).await?;
    let length = file.metadata().await?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MESSAGE)))
        .await?;
    let mut kept = Vec::new();
    file.take(MESSAGE).read_to_end(&mut kept).await?;
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use std::{fs, iter};

    use super::*;

    #[tokio::test]
    async fn the_end_of_a_long_message_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("message");
        fs::write(&file, "short").unwrap();
        assert_eq!(end_of(&file).await.unwrap(), b"short");
        let long: Vec<u8> = iter::repeat_n(b'a', 9000).chain(*b"the end").collect();
        fs::write(&file, &long).unwrap();
        let kept = end_of(&file).await.unwrap();
        assert_eq!(kept.len(), 4096);
        assert!(kept.ends_with(b"athe end"));
    }
}
