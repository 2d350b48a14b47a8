//! An instance in reserve: paused after it ran, or made and not started.

use std::time::Duration;

use tokio::{sync::watch, time::sleep};
use tracing::{debug, warn};

use super::{Backoff, Driver, Standing, Stands, StartError, Want};
use crate::runtime::{InstanceState, RuntimeError, replicas::reserve::Kept};

/// The shortest wait before an instance that could not be made is made again: nobody waits for it.
const SHORTEST: Duration = Duration::from_secs(1);

impl Driver {
    /// Waits in reserve until something else is wanted. Answers with what runs, if it goes on at once;
    /// with nothing at all if it is to stop.
    pub(super) async fn wait(
        &mut self,
        want: &mut watch::Receiver<Want>,
    ) -> Option<Option<Standing>> {
        match self.stands {
            Stands::Up => {
                let _kept = self.pause().await?;
                self.told_to_run(want, self.keep_for()).await?;
                Some(self.resume().await)
            }
            Stands::New => {
                self.create(want).await?;
                self.told_to_run(want, None).await?;
                self.shared.update(&self.id, |instance| {
                    instance.state = InstanceState::Starting;
                });
                Some(None)
            }
            // It ended before it could be paused.
            Stands::Down => None,
        }
    }

    /// How long its workload keeps a paused instance.
    fn keep_for(&self) -> Option<Duration> {
        let state = self.shared.state.lock();
        state.workloads.get(&self.workload)?.standby?.keep
    }

    /// Pauses it, unless its memory has no place in the reserve.
    async fn pause(&self) -> Option<Kept> {
        let shared = &self.shared;
        let bytes = match shared.backend.usage(&self.id).await {
            Ok(usage) => usage.memory,
            Err(RuntimeError::Unsupported { .. }) => 0,
            Err(error) => {
                warn!(instance = %self.id, %error, "its memory is unknown, it is stopped instead of paused");
                return None;
            }
        };
        let Some(kept) = shared.reserve.take(bytes) else {
            debug!(instance = %self.id, bytes, "the reserve has no room for it");
            return None;
        };
        shared.update(&self.id, |instance| {
            instance.state = InstanceState::Standby;
        });
        match shared.backend.pause(&self.id).await {
            Ok(()) => Some(kept),
            Err(error) => {
                warn!(instance = %self.id, %error, "it could not be paused, it is stopped");
                None
            }
        }
    }

    /// Lets it go on; one that cannot is started anew.
    async fn resume(&self) -> Option<Standing> {
        self.shared.update(&self.id, |instance| {
            instance.state = InstanceState::Starting;
        });
        match self.shared.backend.resume(&self.id).await {
            Ok(started) => Some(Standing::Resumed(started)),
            Err(error) => {
                warn!(instance = %self.id, %error, "it could not go on, it is started anew");
                self.shared.starts.failed(&error);
                self.stop_backend().await;
                None
            }
        }
    }

    /// Makes it, however often that has to be tried, until something else is wanted.
    async fn create(&self, want: &mut watch::Receiver<Want>) -> Option<()> {
        let mut backoff = Backoff::default();
        loop {
            let made = async {
                let place = self.place().await?;
                self.shared.backend.create(&self.spec(&place).await?).await
            };
            let made: Result<(), StartError> = tokio::select! {
                biased;
                _ = want.wait_for(|want| *want == Want::Stop) => return None,
                made = made => made,
            };
            let Err(error) = made else { return Some(()) };
            warn!(instance = %self.id, %error, "it could not be made ahead of need");
            self.stop_backend().await;
            let pause = backoff.after_failure(Duration::ZERO).max(SHORTEST);
            // One that is wanted starts at once, and says itself what is wrong.
            if self.told_to_run(want, Some(pause)).await.is_some() {
                return Some(());
            }
            if *want.borrow() == Want::Stop || !error.retry() {
                return None;
            }
        }
    }

    /// Answers when it is to run; with nothing if it is to stop, or has waited for long enough.
    async fn told_to_run(
        &self,
        want: &mut watch::Receiver<Want>,
        keep: Option<Duration>,
    ) -> Option<()> {
        let told = async {
            let told = want.wait_for(|want| *want != Want::Wait).await;
            told.is_ok_and(|want| *want == Want::Run).then_some(())
        };
        let over = async {
            match keep {
                Some(keep) => sleep(keep).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            told = told => told,
            () = over => None,
        }
    }
}
