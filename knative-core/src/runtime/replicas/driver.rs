//! The life of one instance: start, ready, exit, wait, start again, until it is stopped.

mod ended;
mod run;
mod waiting;

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until},
};
use tracing::{debug, warn};

use self::ended::Ended;
use super::{
    DEFAULT_GRACE, LAST_GRACE, Shared,
    backoff::Backoff,
    health::Unhealthy,
    state::{Member, Want},
};
use crate::{
    http::Endpoint,
    runtime::{
        Exit, InstanceId, InstanceState, Running, RuntimeError, StartError, Started, WorkloadId,
    },
};

/// How often a stop is tried while the backend does not answer.
const STOP_RETRY: Duration = Duration::from_secs(1);

pub(super) struct Driver {
    shared: Arc<Shared>,
    id: InstanceId,
    workload: WorkloadId,
    template: Arc<PodTemplateSpec>,
    start_timeout: Duration,
    want: watch::Receiver<Want>,
    exits: mpsc::Receiver<Exit>,
    /// Whether the backend runs it.
    stands: Stands,
    /// Whether the next run goes on with what is left of the last one, instead of starting anew.
    left: bool,
}

/// What the backend has of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    /// Nothing yet.
    New,
    /// It runs.
    Up,
    /// It ended, or is being started.
    Down,
}

/// What runs already when it is to be kept running.
pub(super) enum Standing {
    /// An earlier run of the platform started it.
    Adopted(Endpoint),
    /// It was paused and goes on.
    Resumed(Started),
}

impl Driver {
    pub(super) fn new(
        shared: Arc<Shared>,
        member: &Member,
        template: Arc<PodTemplateSpec>,
        start_timeout: Duration,
        exits: mpsc::Receiver<Exit>,
    ) -> Self {
        Self {
            shared,
            id: member.instance.id.clone(),
            workload: member.instance.workload.clone(),
            template,
            start_timeout,
            want: member.want.subscribe(),
            exits,
            stands: Stands::New,
            left: false,
        }
    }

    /// Keeps the instance as it is wanted until it is told to stop, then stops it.
    pub(super) async fn run(mut self, adopted: Option<Running>) {
        let detached = self.shared.detached.clone();
        tokio::select! {
            biased;
            () = detached.cancelled() => return,
            () = self.live(adopted) => {}
        }
        // Where it was still wanted another one takes its place at once, and does not wait for its end.
        self.shared.leave(&self.id, &self.workload);
        self.shared.update(&self.id, |instance| {
            instance.state = InstanceState::Stopping;
        });
        self.stop_backend().await;
        self.shared.forget(&self.id, &self.workload);
    }

    /// Runs and waits in turn, until it is to stop.
    async fn live(&mut self, adopted: Option<Running>) {
        let mut want = self.want.clone();
        let mut standing = self.adopt(adopted).await;
        loop {
            let now = *want.borrow_and_update();
            match now {
                Want::Stop => return,
                Want::Run => {
                    let kept = self.keep(standing.take());
                    tokio::select! {
                        biased;
                        // Wanted otherwise for a moment and then again as before is no change. The sender lives until the
                        // instance is forgotten.
                        _ = want.wait_for(|want| *want != Want::Run) => {}
                        () = kept => return,
                    }
                }
                Want::Wait => match self.wait(&mut want).await {
                    Some(woken) => standing = woken,
                    None => return,
                },
            }
        }
    }

    /// Takes over an instance of an earlier run; one that was starting when the platform ended is stopped, because only a
    /// new start can tell when it is ready.
    async fn adopt(&self, adopted: Option<Running>) -> Option<Standing> {
        match adopted?.endpoint {
            None => {
                self.stop_backend().await;
                None
            }
            Some(endpoint) => Some(Standing::Adopted(endpoint)),
        }
    }

    async fn keep(&mut self, mut standing: Option<Standing>) {
        let mut backoff = Backoff::default();
        let mut outage = Backoff::of_an_outage();
        loop {
            let began = Instant::now();
            let mut ended = self.once(standing.take()).await;
            let ran = began.elapsed();
            if let Some(unhealthy) = ended.unhealthy.take() {
                ended = self.end(&unhealthy, ended).await;
            }
            let failed = self.look_at_what_is_left(&ended);
            self.stands = Stands::Down;
            debug!(instance = %self.id, error = %ended.error, "instance ended");
            // One that says it was stopped while it is wanted lost what it ran on.
            if !ended.error.retry() && !matches!(ended.error, StartError::Stopped) {
                self.back_off(ended, 1, Timestamp::MAX);
                self.stop_backend().await;
                return std::future::pending().await;
            }
            let (wait, failures) = if let StartError::BackendGone { .. } = ended.error {
                (outage.after_failure(Duration::ZERO), outage.failures())
            } else {
                outage = Backoff::of_an_outage();
                (backoff.after_failure(ran), backoff.failures())
            };
            let again = Instant::now() + wait;
            // Told before the stop, which takes as long as the backend does not answer.
            self.back_off(ended, failures, self.in_a(wait));
            if !self.left {
                self.stop_failed(failures).await;
            }
            sleep_until(again).await;
            let left = self.left;
            self.shared.update(&self.id, |instance| {
                instance.state = InstanceState::Starting;
                instance.restarts += 1;
                if let Some(container) = failed.filter(|_| left) {
                    *instance.container_restarts.entry(container).or_default() += 1;
                }
            });
        }
    }

    /// Finds out whether the next run goes on with what is left of this one; answers with the container that failed.
    fn look_at_what_is_left(&mut self, ended: &Ended) -> Option<String> {
        let was_started = self.left || self.stands == Stands::Up;
        self.left = false;
        let StartError::CrashLoop(exit) = &ended.error else {
            return None;
        };
        // What is not one of its containers is what it stands on.
        let failed = exit.container.clone()?;
        self.left = was_started && self.shared.backend.capabilities().restart;
        Some(failed)
    }

    /// Ends a container that is unhealthy, beside others that go on, where the backend can: then how it ended is how this
    /// run ended. Until then it is not called any more.
    async fn end(&self, unhealthy: &Unhealthy, ended: Ended) -> Ended {
        if !self.shared.backend.capabilities().restart {
            return ended;
        }
        self.shared.update(&self.id, |instance| {
            instance.state = InstanceState::NotReady {
                message: unhealthy.message.clone(),
            };
        });
        let grace = unhealthy.grace.unwrap_or_else(|| grace(&self.template));
        let container = &unhealthy.container;
        let stopped = self
            .shared
            .backend
            .stop_container(&self.id, container, grace);
        match stopped.await {
            Ok(exit) => Ended::crashed(Exit {
                container: Some(container.clone()),
                ..exit
            }),
            Err(error) => {
                warn!(instance = %self.id, container, %error, "an unhealthy container could not be ended by itself");
                // All of it is.
                Ended::from(StartError::backend_gone(unhealthy.message.clone(), error))
            }
        }
    }

    /// Stops what is left of a run, and tells for how long that fails: then no other one can begin.
    async fn stop_failed(&self, mut failures: u32) {
        while let Err(error) = self.try_to_stop().await {
            failures = failures.saturating_add(1);
            let error = StartError::backend_gone("what is left cannot be stopped", error);
            self.back_off(error.into(), failures, self.in_a(STOP_RETRY));
            sleep(STOP_RETRY).await;
        }
    }

    /// The wall clock's time after a while.
    fn in_a(&self, wait: Duration) -> Timestamp {
        let wait = SignedDuration::try_from(wait).unwrap_or_default();
        let then = self.shared.clock.now().saturating_add(wait);
        then.unwrap_or(Timestamp::MAX)
    }

    fn back_off(&self, ended: Ended, failures: u32, until: Timestamp) {
        self.shared.update(&self.id, |instance| {
            instance.last_exit = ended.exit.or_else(|| instance.last_exit.take());
            instance.state = InstanceState::BackingOff {
                error: Arc::new(ended.error),
                failures,
                until,
                others_run: self.left,
            };
        });
    }

    async fn try_to_stop(&self) -> Result<(), RuntimeError> {
        let (grace, backend) = (grace(&self.template), &self.shared.backend);
        let stopped = tokio::select! {
            biased;
            () = self.shared.shutdown.cancelled() => {
                backend.stop(&self.id, grace.min(LAST_GRACE)).await
            }
            stopped = backend.stop(&self.id, grace) => stopped,
        };
        stopped.inspect_err(|error| {
            warn!(instance = %self.id, %error, "the instance could not be stopped, trying again");
        })
    }

    /// Stops the instance, however often that has to be tried.
    async fn stop_backend(&self) {
        while self.try_to_stop().await.is_err() {
            if self.shared.shutdown.is_cancelled() || self.shared.detached.is_cancelled() {
                return;
            }
            sleep(STOP_RETRY).await;
        }
    }
}

fn grace(template: &PodTemplateSpec) -> Duration {
    let seconds = template
        .spec
        .as_ref()
        .and_then(|spec| spec.termination_grace_period_seconds);
    seconds
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map_or(DEFAULT_GRACE, Duration::from_secs)
}
