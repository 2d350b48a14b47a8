//! Sandboxes that are made ahead of need: a container's network is most of what its start costs.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use knative_core::{Ids, runtime::InstanceId};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    engine::text,
    sandbox::{Sandbox, Sandboxes},
};

/// How long making sandboxes rests after it failed.
const PAUSE: Duration = Duration::from_secs(2);
/// How long it waits at most for a moment in which nothing starts: a start that somebody waits for goes first.
const QUIET: Duration = Duration::from_secs(2);
/// For how long nothing must have started.
const CALM: Duration = Duration::from_millis(50);

/// Sandboxes that wait for instances.
#[derive(Debug)]
pub(crate) struct Pool {
    sandboxes: Sandboxes,
    ids: Arc<Ids>,
    /// How many wait at a time.
    size: usize,
    state: Mutex<State>,
    changed: Notify,
    /// How many starts are under way.
    starts: watch::Sender<usize>,
}

/// A start that is under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay<'a>(&'a Pool);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.starts.send_modify(|starts| *starts -= 1);
    }
}

#[derive(Debug, Default)]
struct State {
    ready: VecDeque<Sandbox>,
    /// Taken by a name, and not yet asked for.
    claimed: BTreeMap<InstanceId, Sandbox>,
}

impl Pool {
    pub(crate) fn new(sandboxes: Sandboxes, ids: Arc<Ids>, size: usize) -> Self {
        Self {
            sandboxes,
            ids,
            size,
            state: Mutex::default(),
            changed: Notify::new(),
            starts: watch::Sender::new(0),
        }
    }

    /// Counts a start: no sandbox is begun beside it.
    pub(crate) fn start(&self) -> UnderWay<'_> {
        self.starts.send_modify(|starts| *starts += 1);
        UnderWay(self)
    }

    /// Takes a sandbox for an instance that will have its name.
    pub(crate) fn claim(&self) -> Option<InstanceId> {
        let mut state = self.state.lock();
        let sandbox = state.ready.pop_front()?;
        let id = sandbox.instance.clone();
        state.claimed.insert(id.clone(), sandbox);
        self.changed.notify_one();
        Some(id)
    }

    /// The sandbox that an instance claimed.
    pub(crate) fn take(&self, id: &InstanceId) -> Option<Sandbox> {
        self.state.lock().claimed.remove(id)
    }

    /// Gives up a claim: its instance never came.
    pub(crate) async fn give_up(&self, id: &InstanceId) -> Result<(), bollard::errors::Error> {
        let claimed = self.state.lock().claimed.remove(id);
        match claimed {
            Some(sandbox) => self.sandboxes.remove(&sandbox.container).await,
            None => Ok(()),
        }
    }

    /// Forgets a sandbox that ended by itself.
    pub(crate) fn lost(&self, container: &str) -> bool {
        let mut state = self.state.lock();
        let before = state.ready.len() + state.claimed.len();
        state.ready.retain(|sandbox| sandbox.container != container);
        state
            .claimed
            .retain(|_, sandbox| sandbox.container != container);
        self.changed.notify_one();
        before != state.ready.len() + state.claimed.len()
    }

    /// The containers that wait.
    pub(crate) fn waiting(&self) -> Vec<String> {
        let state = self.state.lock();
        let all = state.ready.iter().chain(state.claimed.values());
        all.map(|sandbox| sandbox.container.clone()).collect()
    }

    /// Keeps the pool full until `end`.
    pub(crate) async fn fill(&self, end: CancellationToken) {
        while !end.is_cancelled() {
            let wait = if self.state.lock().ready.len() < self.size {
                self.quiet().await;
                // Not cancelled half-way: what the engine makes then would belong to nobody.
                self.add().await
            } else {
                None
            };
            if let Some(wait) = wait {
                end.run_until_cancelled(sleep(wait)).await;
            } else if self.state.lock().ready.len() >= self.size {
                end.run_until_cancelled(self.changed.notified()).await;
            }
        }
    }

    /// Waits for a moment in which nothing starts.
    pub(crate) async fn quiet(&self) {
        let mut starts = self.starts.subscribe();
        let calm = async {
            // A start has parts, with a moment in between. The sender lives as long as `self`.
            while starts.wait_for(|starts| *starts == 0).await.is_ok() {
                if timeout(CALM, starts.changed()).await.is_err() {
                    return;
                }
            }
        };
        // Late is better than never: where there is always a start, the pool would stay empty.
        let _ = timeout(QUIET, calm).await;
    }

    /// Adds a sandbox; answers with how long to wait after a failure.
    async fn add(&self) -> Option<Duration> {
        let id = InstanceId::new(format!("pod-{}", self.ids.suffix()));
        match self.sandboxes.make(&id).await {
            Ok(sandbox) => {
                self.state.lock().ready.push_back(sandbox);
                None
            }
            Err(error) => {
                tracing::warn!(error = %text(&error), "a sandbox could not be made ahead of need");
                Some(PAUSE)
            }
        }
    }

    /// Removes what waits.
    pub(crate) async fn empty(&self) {
        let left: Vec<Sandbox> = {
            let mut state = self.state.lock();
            let claimed = std::mem::take(&mut state.claimed);
            let ready = std::mem::take(&mut state.ready);
            ready.into_iter().chain(claimed.into_values()).collect()
        };
        for sandbox in left {
            if let Err(error) = self.sandboxes.remove(&sandbox.container).await {
                tracing::warn!(sandbox = %sandbox.instance, error = %text(&error), "a sandbox could not be removed");
            }
        }
    }
}
