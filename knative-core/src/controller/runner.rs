//! Runs a reconciler: feeds it with changes, a few objects at a time, until it is told to stop.

use std::{fmt, sync::Arc, time::Duration};

use futures::{
    StreamExt,
    stream::{BoxStream, FuturesUnordered, SelectAll},
};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info_span, warn};

use super::{
    Action, Disposition, EventRecorder, LeaderGate, Metrics, ReconcileError, Reconciler, Tracker,
    queue::Queue,
};
use crate::{
    object::{GroupKind, ObjectKey, controller_of},
    store::{Cache, Cached, Change, NamespacedName},
};

/// How many objects one controller works on at a time, unless it says another number.
const CONCURRENCY: usize = 8;
/// How long a pass may take, as in Knative's generated reconcilers.
const PASS_TIMEOUT: Duration = Duration::from_secs(30);

/// A reconciler with its sources of change.
pub struct Controller<R: Reconciler> {
    name: &'static str,
    reconciler: Arc<R>,
    cache: Cache<R::Resource>,
    sources: SelectAll<BoxStream<'static, Vec<NamespacedName>>>,
    concurrency: usize,
    gate: LeaderGate,
    events: Option<EventRecorder>,
    metrics: Metrics,
}

impl<R: Reconciler> fmt::Debug for Controller<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controller")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// How a pass over an object ended.
enum Passed<E> {
    Done(Action),
    Gone,
    Failed(E),
    TimedOut,
}

impl<R: Reconciler> Controller<R> {
    /// A controller of the objects in `cache`.
    pub fn new(name: &'static str, reconciler: R, cache: Cache<R::Resource>) -> Self {
        let mut sources = SelectAll::new();
        let changes = cache
            .subscribe()
            .map(|change| vec![NamespacedName::of(&**change.object())]);
        sources.push(changes.boxed());
        Self {
            name,
            reconciler: Arc::new(reconciler),
            cache,
            sources,
            concurrency: CONCURRENCY,
            gate: LeaderGate::open(),
            events: None,
            metrics: Metrics::new(name),
        }
    }

    /// Also reconciles an object when something that it controls changes.
    #[must_use]
    pub fn owns<K: Cached>(self, cache: &Cache<K>) -> Self {
        let kind = GroupKind::of::<R::Resource>();
        self.watches(cache, move |change| {
            let object = change.object();
            let owner = controller_of(object.meta());
            let owner = owner.filter(|owner| {
                let group = owner
                    .api_version
                    .split_once('/')
                    .map_or("", |(group, _)| group);
                group == kind.group && owner.kind == kind.kind
            });
            let namespace = object.meta().namespace.clone().unwrap_or_default();
            owner
                .map(|owner| NamespacedName::new(namespace, owner.name.as_str()))
                .into_iter()
                .collect()
        })
    }

    /// Also reconciles what depends on an object, as told to `tracker`, when that changes.
    #[must_use]
    pub fn tracks<K: Cached>(self, cache: &Cache<K>, tracker: &Tracker) -> Self {
        let tracker = tracker.clone();
        self.watches(cache, move |change| {
            let name = NamespacedName::of(&**change.object());
            tracker.dependents(&ObjectKey::of::<K>(&name.namespace, &name.name))
        })
    }

    /// Also reconciles what `map` names when an object of another kind changes.
    #[must_use]
    pub fn watches<K: Cached>(
        self,
        cache: &Cache<K>,
        map: impl Fn(&Change<K>) -> Vec<NamespacedName> + Send + 'static,
    ) -> Self {
        let changes = cache.subscribe().map(move |change| map(&change));
        self.also(changes.boxed())
    }

    /// Also reconciles what a stream names.
    #[must_use]
    pub fn also(mut self, names: BoxStream<'static, Vec<NamespacedName>>) -> Self {
        self.sources.push(names);
        self
    }

    /// Reconciles all objects whenever `signal` speaks, as after a change of configuration.
    #[must_use]
    pub fn resync_on(self, signal: BoxStream<'static, ()>) -> Self {
        let cache = self.cache.clone();
        let all = move |()| {
            cache
                .list()
                .iter()
                .map(|object| NamespacedName::of(&**object))
                .collect()
        };
        self.also(signal.map(all).boxed())
    }

    /// How many objects are worked on at a time. Default 8.
    #[must_use]
    pub const fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// Works only while this process leads.
    #[must_use]
    pub fn gate(mut self, gate: LeaderGate) -> Self {
        self.gate = gate;
        self
    }

    /// Tells failures as events of the object.
    #[must_use]
    pub fn events(mut self, events: EventRecorder) -> Self {
        self.events = Some(events);
        self
    }

    /// Its counters, for a [`Registry`](crate::metrics::Registry) or to be read.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Works until `shutdown`; passes that have begun are then brought to their end.
    pub async fn run(mut self, shutdown: CancellationToken) {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = self.cache.wait_synced() => {}
        }
        let mut queue = Queue::default();
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < self.concurrency && self.gate.leads() && !shutdown.is_cancelled()
            {
                let Some(name) = queue.pop(Instant::now()) else {
                    break;
                };
                running.push(self.pass(name));
            }
            self.metrics.queued(queue.len());
            if shutdown.is_cancelled() && running.is_empty() {
                return;
            }
            let due = queue.next_due();
            tokio::select! {
                biased;
                () = shutdown.cancelled(), if !shutdown.is_cancelled() => {}
                Some((name, passed, took)) = running.next() => self.settle(&mut queue, &name, passed, took),
                Some(names) = self.sources.next() => names.into_iter().for_each(|name| queue.add(name)),
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                () = self.gate.wait_open(), if !self.gate.leads() => {}
            }
        }
    }

    /// One pass over one object.
    fn pass(
        &self,
        name: NamespacedName,
    ) -> impl Future<Output = (NamespacedName, Passed<R::Error>, Duration)> + Send + use<R> {
        let (reconciler, cache) = (Arc::clone(&self.reconciler), self.cache.clone());
        let span = info_span!(
            "reconcile",
            kn.resource.kind = %GroupKind::of::<R::Resource>().kind,
            kn.resource.name = %name.name,
            k8s.namespace.name = %name.namespace,
        );
        async move {
            let began = Instant::now();
            let Some(object) = cache.get(&name.namespace, &name.name) else {
                reconciler.forget(&name);
                return (name, Passed::Gone, began.elapsed());
            };
            let passed = match timeout(PASS_TIMEOUT, reconciler.reconcile(object)).await {
                Ok(Ok(action)) => Passed::Done(action),
                Ok(Err(error)) => Passed::Failed(error),
                Err(_) => Passed::TimedOut,
            };
            (name, passed, began.elapsed())
        }
        .instrument(span)
    }

    fn settle(
        &self,
        queue: &mut Queue<NamespacedName>,
        name: &NamespacedName,
        passed: Passed<R::Error>,
        took: Duration,
    ) {
        queue.done(name);
        let controller = self.name;
        self.metrics
            .passed(matches!(passed, Passed::Done(_) | Passed::Gone), took);
        match passed {
            Passed::Gone => queue.succeeded(name),
            Passed::Done(action) => {
                queue.succeeded(name);
                debug!(controller, %name, ?took, requeue = ?action.requeue_after, explanation = action.explanation.as_deref(), "reconciled");
                if let Some(after) = action.requeue_after {
                    queue.add_at(name.clone(), Instant::now() + after);
                }
            }
            Passed::TimedOut => {
                warn!(controller, %name, timeout = ?PASS_TIMEOUT, "a pass took too long, it is begun again");
                let wait = queue.failed(name);
                queue.add_at(name.clone(), Instant::now() + wait);
            }
            Passed::Failed(error) => self.failed(queue, name, &error),
        }
    }

    fn failed(&self, queue: &mut Queue<NamespacedName>, name: &NamespacedName, error: &R::Error) {
        let backoff = queue.failed(name);
        let wait = match error.disposition() {
            Disposition::Retry => Some(backoff),
            Disposition::RequeueAfter(after) => Some(after),
            Disposition::Permanent => None,
        };
        if error.is_race() {
            debug!(controller = self.name, %name, %error, "lost a race, trying again");
        } else {
            warn!(controller = self.name, %name, error = error as &dyn std::error::Error, ?wait, "reconciling failed");
            if let (Some(events), Some(object)) =
                (&self.events, self.cache.get(&name.namespace, &name.name))
            {
                events.warning(&*object, &error.reason(), error.to_string());
            }
        }
        if let Some(wait) = wait {
            queue.add_at(name.clone(), Instant::now() + wait);
        }
    }
}
