//! Assembling a platform: kinds and parts go in, a running whole with one shutdown comes out.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use thiserror::Error;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use crate::{Clock, Ids, Kinds, SystemClock, metrics::Registry, store::Store};

/// How long parts may take to drain before they are dropped. Default of [`PlatformBuilder::drain_timeout`].
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Any failure of a part.
pub type ComponentError = Box<dyn std::error::Error + Send + Sync>;

/// What parts of a platform share.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Context {
    /// The kinds that are served.
    pub kinds: Arc<Kinds>,
    /// The objects, behind admission.
    pub store: Arc<dyn Store>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Where uids and random choices come from.
    pub ids: Arc<Ids>,
    /// Where parts that count make themselves known.
    pub metrics: Registry,
    /// Where tasks are spawned so that the platform's end waits for them.
    pub tasks: TaskTracker,
}

/// When a part begins to drain. A later stage begins when the earlier one has drained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Takes work in from outside: listeners. Drains first.
    Edge,
    /// Keeps things running for the edge: controllers, autoscaler.
    #[default]
    Control,
    /// Is used by all others: runtimes, the store's journal. Drains last.
    Base,
}

/// A long-running part of a platform.
#[async_trait]
pub trait Component: fmt::Debug + Send + Sync + 'static {
    /// Its name in logs.
    fn name(&self) -> &'static str;

    /// When it drains.
    fn stage(&self) -> Stage {
        Stage::Control
    }

    /// Runs until `shutdown`, then drains and returns.
    ///
    /// # Errors
    /// What keeps it from running: the platform then stops as a whole.
    async fn run(
        self: Arc<Self>,
        context: Context,
        shutdown: CancellationToken,
    ) -> Result<(), ComponentError>;
}

/// Why a platform ended by itself.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlatformError {
    /// A part failed.
    #[error("{name} failed")]
    Component {
        /// Which one.
        name: &'static str,
        /// Why.
        #[source]
        source: ComponentError,
    },
    /// A part did not drain in time and was dropped.
    #[error("{name} did not stop within {waited:?}")]
    DrainTimeout {
        /// Which one.
        name: &'static str,
        /// How long it was waited for.
        waited: Duration,
    },
}

/// Assembles a [`Platform`].
#[derive(Debug)]
pub struct PlatformBuilder {
    clock: Arc<dyn Clock>,
    ids: Option<Arc<Ids>>,
    metrics: Registry,
    drain_timeout: Duration,
    components: Vec<Arc<dyn Component>>,
}

impl Default for PlatformBuilder {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            ids: None,
            metrics: Registry::new(),
            drain_timeout: DRAIN_TIMEOUT,
            components: Vec::new(),
        }
    }
}

impl PlatformBuilder {
    /// A platform with the system's clock and nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the system's clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Replaces the source of uids and random choices (by default seeded by the system).
    #[must_use]
    pub fn ids(mut self, ids: Arc<Ids>) -> Self {
        self.ids = Some(ids);
        self
    }

    /// Replaces the registry of parts that count, for one that others read too.
    #[must_use]
    pub fn metrics(mut self, metrics: Registry) -> Self {
        self.metrics = metrics;
        self
    }

    /// How long each stage may take to drain. Default 30 s.
    #[must_use]
    pub const fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Adds a part.
    #[must_use]
    pub fn component(mut self, component: Arc<dyn Component>) -> Self {
        self.components.push(component);
        self
    }

    /// A platform over `store` (which is behind admission) that serves `kinds`.
    ///
    /// # Errors
    /// The system has no randomness to seed uids with.
    pub fn build(
        self,
        kinds: Arc<Kinds>,
        store: Arc<dyn Store>,
    ) -> Result<Platform, getrandom::Error> {
        let ids = match self.ids {
            Some(ids) => ids,
            None => Arc::new(Ids::from_entropy()?),
        };
        Ok(Platform {
            context: Context {
                kinds,
                store,
                clock: self.clock,
                ids,
                metrics: self.metrics,
                tasks: TaskTracker::new(),
            },
            drain_timeout: self.drain_timeout,
            components: self.components,
        })
    }
}

/// Parts that share a store, run together and stop together. Several fit in one process.
#[derive(Debug)]
pub struct Platform {
    context: Context,
    drain_timeout: Duration,
    components: Vec<Arc<dyn Component>>,
}

impl Platform {
    /// What its parts share.
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// Runs all parts until `shutdown` or until one fails; then drains them stage by stage.
    ///
    /// # Errors
    /// The first failure of a part.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), PlatformError> {
        let mut stages = self.start();
        let first = tokio::select! {
            biased;
            () = shutdown.cancelled() => None,
            failure = first_failure(&mut stages) => Some(failure),
        };
        let mut result = first.map_or(Ok(()), Err);
        for stage in stages.into_values() {
            let drained = stage.drain(self.drain_timeout).await;
            result = result.and(drained);
        }
        self.context.tasks.close();
        let tasks = self.context.tasks.wait();
        let ended = tokio::time::timeout(self.drain_timeout, tasks).await;
        result.and(ended.map_err(|_| self.late("a task")))
    }

    const fn late(&self, name: &'static str) -> PlatformError {
        PlatformError::DrainTimeout {
            name,
            waited: self.drain_timeout,
        }
    }

    fn start(&self) -> BTreeMap<Stage, Running> {
        let mut stages: BTreeMap<Stage, Running> = BTreeMap::new();
        for component in &self.components {
            let stage = stages.entry(component.stage()).or_default();
            let (name, context, token) = (
                component.name(),
                self.context.clone(),
                stage.shutdown.child_token(),
            );
            let run = Arc::clone(component).run(context, token);
            let span = tracing::info_span!("component", name);
            let part = async move { (name, run.await) }.instrument(span);
            let id = stage.parts.spawn(part).id();
            stage.names.insert(id, name);
        }
        stages
    }
}

/// The parts of one stage.
#[derive(Debug, Default)]
struct Running {
    shutdown: CancellationToken,
    parts: tokio::task::JoinSet<(&'static str, Result<(), ComponentError>)>,
    /// The parts that have not ended.
    names: BTreeMap<tokio::task::Id, &'static str>,
}

impl Running {
    async fn drain(mut self, timeout: Duration) -> Result<(), PlatformError> {
        self.shutdown.cancel();
        let mut result = Ok(());
        let all = async {
            while let Some(ended) = self.parts.join_next_with_id().await {
                let ended = settle(&mut self.names, ended);
                result = std::mem::replace(&mut result, Ok(())).and(ended);
            }
        };
        if tokio::time::timeout(timeout, all).await.is_err() {
            return result.and(Err(PlatformError::DrainTimeout {
                name: self.names.into_values().next().unwrap_or("a part"),
                waited: timeout,
            }));
        }
        result
    }
}

type Ended =
    Result<(tokio::task::Id, (&'static str, Result<(), ComponentError>)), tokio::task::JoinError>;

/// Notes that a part has ended, and how.
fn settle(
    names: &mut BTreeMap<tokio::task::Id, &'static str>,
    ended: Ended,
) -> Result<(), PlatformError> {
    match ended {
        Ok((id, (name, result))) => {
            names.remove(&id);
            result.map_err(|source| PlatformError::Component { name, source })
        }
        Err(panic) => Err(PlatformError::Component {
            name: names.remove(&panic.id()).unwrap_or("a part"),
            source: Box::new(panic),
        }),
    }
}

/// Waits for a failure; parts that end well are forgotten.
async fn first_failure(stages: &mut BTreeMap<Stage, Running>) -> PlatformError {
    std::future::poll_fn(|cx| {
        for stage in stages.values_mut() {
            while let std::task::Poll::Ready(Some(ended)) = stage.parts.poll_join_next_with_id(cx) {
                if let Err(error) = settle(&mut stage.names, ended) {
                    return std::task::Poll::Ready(error);
                }
            }
        }
        std::task::Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    /// A part that never ends, or leaves a task that never does.
    #[derive(Debug)]
    struct Stubborn {
        by_task: bool,
    }

    #[async_trait]
    impl Component for Stubborn {
        fn name(&self) -> &'static str {
            "stubborn"
        }

        async fn run(
            self: Arc<Self>,
            context: Context,
            _: CancellationToken,
        ) -> Result<(), ComponentError> {
            if self.by_task {
                context.tasks.spawn(std::future::pending::<()>());
                return Ok(());
            }
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_end_is_named_and_left() {
        for (by_task, want) in [(false, "stubborn"), (true, "a task")] {
            let (kinds, ids) = (Arc::new(Kinds::default()), Arc::new(Ids::seeded(1)));
            let clock = Arc::new(SystemClock);
            let store = MemoryStore::new(Arc::clone(&kinds), clock, Arc::clone(&ids));
            let platform = PlatformBuilder::new()
                .ids(ids)
                .component(Arc::new(Stubborn { by_task }));
            let platform = platform.build(kinds, Arc::new(store)).unwrap();
            let shutdown = CancellationToken::new();
            let running = tokio::join!(platform.run(shutdown.clone()), async {
                tokio::task::yield_now().await;
                shutdown.cancel();
            });
            let error = running.0.unwrap_err();
            assert!(
                matches!(error, PlatformError::DrainTimeout { name, .. } if name == want),
                "{error}"
            );
        }
    }
}
