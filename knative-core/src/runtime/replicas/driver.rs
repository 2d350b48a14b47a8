//! The life of one instance: start, ready, exit, wait, start again, until it is stopped.

mod waiting;

use std::{
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until, timeout_at},
};
use tracing::{debug, warn};

use super::{
    DEFAULT_GRACE, Shared,
    backoff::Backoff,
    health::{Health, Unhealthy},
    render::{Identity, render},
    resolve::References,
    state::{Member, Want},
};
use crate::{
    http::Endpoint,
    runtime::{
        Exit, InstanceId, InstanceSpec, InstanceState, Phase, Place, Running, RuntimeError,
        StartError, StartPhases, Started, WorkloadId, pull_secrets,
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
    /// Why the next run goes on with what is left of the last one; `None` where it starts anew.
    left: Option<Left>,
}

/// An instance of which a container ended, beside others that go on.
#[derive(Clone, Debug)]
struct Left {
    /// The container that is to be ended first.
    unhealthy: Option<String>,
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

/// Why a run of the instance ended.
struct Ended {
    error: StartError,
    exit: Option<Exit>,
    /// The container that had to be ended.
    unhealthy: Option<String>,
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
            left: None,
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
            let ended = self.once(standing.take()).await;
            let restarted = self.look_at_what_is_left(&ended);
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
                (backoff.after_failure(began.elapsed()), backoff.failures())
            };
            let again = Instant::now() + wait;
            // Told before the stop, which takes as long as the backend does not answer.
            self.back_off(ended, failures, self.in_a(wait));
            if self.left.is_none() {
                self.stop_failed(failures).await;
            }
            sleep_until(again).await;
            self.shared.update(&self.id, |instance| {
                instance.state = InstanceState::Starting;
                instance.restarts += 1;
                if let Some(container) = restarted {
                    *instance.container_restarts.entry(container).or_default() += 1;
                }
            });
        }
    }

    /// Whether the next run goes on with what is left of this one: then answers with the container that is started again.
    fn look_at_what_is_left(&mut self, ended: &Ended) -> Option<String> {
        let was_left = self.left.take().is_some();
        let StartError::CrashLoop(exit) = &ended.error else {
            return None;
        };
        let was_started = was_left || self.stands == Stands::Up;
        if !was_started || !self.shared.backend.capabilities().restart {
            return None;
        }
        let unhealthy = ended.unhealthy.clone();
        // What is not one of its containers is what it stands on.
        let container = unhealthy.clone().or_else(|| exit.container.clone())?;
        self.left = Some(Left { unhealthy });
        Some(container)
    }

    /// Stops what is left of a run, and tells for how long that fails: then no other one can begin.
    async fn stop_failed(&self, mut failures: u32) {
        while let Err(error) = self.try_to_stop().await {
            failures = failures.saturating_add(1);
            let error = StartError::backend_gone("what is left cannot be stopped", error);
            self.back_off(ended(error), failures, self.in_a(STOP_RETRY));
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
            };
        });
    }

    /// One run of the instance, from start to its end.
    async fn once(&mut self, standing: Option<Standing>) -> Ended {
        if standing.is_none() {
            // They are of an earlier run. One that goes on may have ended meanwhile.
            while self.exits.try_recv().is_ok() {}
        }
        self.stands = Stands::Down;
        let is_start = !matches!(standing, Some(Standing::Adopted(_)));
        match self.start(standing).await {
            Ok((started, health)) => {
                self.stands = Stands::Up;
                self.left = None;
                self.attend(started, &health, is_start).await
            }
            Err(error) => {
                self.shared.starts.failed(&error);
                Ended {
                    exit: exit_of(&error),
                    error,
                    unhealthy: None,
                }
            }
        }
    }

    async fn start(&self, standing: Option<Standing>) -> Result<(Started, Health), StartError> {
        let shared = &self.shared;
        let health = Health::new(&self.id, &shared.backend, &shared.prober, &self.template);
        // What runs already needs nothing of what it was started with.
        let started = match standing {
            None => self.start_or_go_on().await?,
            Some(Standing::Adopted(endpoint)) => Started::new(endpoint, StartPhases::new()),
            Some(Standing::Resumed(started)) => started,
        };
        Ok((started, health))
    }

    async fn start_or_go_on(&self) -> Result<Started, StartError> {
        let (backend, place) = (&self.shared.backend, self.place().await?);
        let spec = self.spec(&place).await?;
        let mut started = match &self.left {
            None => backend.start(&spec).await?,
            Some(Left { unhealthy }) => {
                let grace = grace(&self.template);
                backend.restart(&spec, unhealthy.as_deref(), grace).await?
            }
        };
        started.phases.add_all(&place.phases);
        Ok(started)
    }

    async fn place(&self) -> Result<Place, StartError> {
        let backend = &self.shared.backend;
        backend
            .place(&self.id, &self.workload, &self.template)
            .await
    }

    async fn spec(&self, place: &Place) -> Result<InstanceSpec, StartError> {
        let (store, namespace) = (self.shared.store.as_ref(), &self.workload.namespace);
        let references = References::read(store, namespace, &self.template).await?;
        let pull_secrets = match (store, &self.template.spec) {
            (Some(store), Some(pod)) => {
                let secrets = pull_secrets(store, namespace, pod).await;
                secrets.map_err(|error| StartError::backend_gone("reading pull secrets", error))?
            }
            _ => Vec::new(),
        };
        let identity = Identity {
            id: &self.id,
            workload: &self.workload,
            template: &self.template,
            place,
            pull_secrets: &pull_secrets,
            now: self.shared.clock.now(),
        };
        render(&identity, &references, self.start_timeout)
    }

    /// Waits until a started instance is ready, then until it ends.
    async fn attend(&mut self, started: Started, health: &Health, is_start: bool) -> Ended {
        let Started {
            endpoint,
            mut phases,
        } = started;
        let began = Instant::now();
        let deadline = began + self.start_timeout.saturating_sub(phases.total());
        let mut dead = pin!(health.dead(&endpoint));
        let shared = Arc::clone(&self.shared);
        let ready = self.wait_ready(&endpoint, health, dead.as_mut(), deadline);
        if let Err(ended) = ready.await {
            if is_start {
                shared.starts.failed(&ended.error);
            }
            return ended;
        }
        phases.add(Phase::Ready, began.elapsed());
        if is_start {
            shared.starts.succeeded(&phases);
        }
        self.ready(&endpoint, phases);
        let id = self.id.clone();
        tokio::select! {
            biased;
            exit = self.exits.recv() => crashed(exit.unwrap_or_default()),
            unhealthy = dead => unhealthy_end(unhealthy),
            never = health.watch(&endpoint, |answer| report(&shared, &id, &endpoint, answer)) => match never {},
        }
    }

    /// Waits until a started instance is ready. It is asked whether it lives once it has started.
    async fn wait_ready(
        &mut self,
        endpoint: &Endpoint,
        health: &Health,
        dead: Pin<&mut impl Future<Output = Unhealthy>>,
        deadline: Instant,
    ) -> Result<(), Ended> {
        let started = tokio::select! {
            biased;
            exit = self.exits.recv() => return Err(crashed(exit.unwrap_or_default())),
            started = timeout_at(deadline, health.started(endpoint)) => started,
        };
        match started {
            Err(_) => return Err(ended(timed_out(self.start_timeout))),
            Ok(started) => started.map_err(unhealthy_end)?,
        }
        let ready = tokio::select! {
            biased;
            exit = self.exits.recv() => return Err(crashed(exit.unwrap_or_default())),
            unhealthy = dead => return Err(unhealthy_end(unhealthy)),
            ready = timeout_at(deadline, health.ready(endpoint)) => ready,
        };
        ready.map_err(|_| ended(timed_out(self.start_timeout)))
    }

    fn ready(&self, endpoint: &Endpoint, phases: StartPhases) {
        self.shared.update(&self.id, |instance| {
            instance.phases = phases;
            instance.state = InstanceState::Ready {
                endpoint: endpoint.clone(),
            };
        });
    }

    async fn try_to_stop(&self) -> Result<(), RuntimeError> {
        let grace = grace(&self.template);
        let stopped = self.shared.backend.stop(&self.id, grace).await;
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

fn report(shared: &Shared, id: &InstanceId, endpoint: &Endpoint, answer: Result<(), String>) {
    shared.update(id, |instance| {
        instance.state = match answer {
            Ok(()) => InstanceState::Ready {
                endpoint: endpoint.clone(),
            },
            Err(message) => InstanceState::NotReady { message },
        };
    });
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

fn ended(error: StartError) -> Ended {
    Ended {
        error,
        exit: None,
        unhealthy: None,
    }
}

fn timed_out(waited: Duration) -> StartError {
    StartError::Timeout {
        waited,
        message: "the readiness probe did not succeed".to_owned(),
    }
}

fn unhealthy_end(unhealthy: Unhealthy) -> Ended {
    let Unhealthy { container, message } = unhealthy;
    let exit = Exit {
        container: Some(container.clone()),
        message,
        ..Exit::default()
    };
    Ended {
        unhealthy: Some(container),
        ..ended(StartError::CrashLoop(exit))
    }
}

fn crashed(exit: Exit) -> Ended {
    Ended {
        error: StartError::CrashLoop(exit.clone()),
        exit: Some(exit),
        unhealthy: None,
    }
}

/// How an instance ended that did not live to be ready.
fn exit_of(error: &StartError) -> Option<Exit> {
    match error {
        StartError::CrashLoop(exit) => Some(exit.clone()),
        _ => None,
    }
}
