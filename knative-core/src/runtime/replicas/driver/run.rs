//! One run of an instance, from its start to its end.

use std::sync::Arc;
use std::{
    pin::{Pin, pin},
    time::Duration,
};

use tokio::time::{Instant, timeout_at};

use super::{Driver, Ended, Shared, Standing, Stands};
use crate::{
    http::Endpoint,
    runtime::{
        InstanceId, InstanceSpec, InstanceState, Phase, Place, StartError, StartPhases, Started,
        pull_secrets,
        replicas::{
            health::{Health, Unhealthy},
            render::{Identity, render},
            resolve::References,
        },
    },
};

impl Driver {
    /// One run of the instance, from start to its end.
    pub(super) async fn once(&mut self, standing: Option<Standing>) -> Ended {
        if standing.is_none() {
            // They are of an earlier run. One that goes on may have ended meanwhile.
            while self.exits.try_recv().is_ok() {}
        }
        self.stands = Stands::Down;
        let is_start = !matches!(standing, Some(Standing::Adopted(_)));
        match self.start(standing).await {
            Ok((started, health)) => {
                self.stands = Stands::Up;
                self.left = false;
                self.attend(started, &health, is_start).await
            }
            Err(error) => {
                self.shared.starts.failed(&error);
                Ended::failed(error)
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
        let mut started = if self.left {
            backend.restart(&spec).await?
        } else {
            backend.start(&spec).await?
        };
        started.phases.add_all(&place.phases);
        Ok(started)
    }

    pub(super) async fn place(&self) -> Result<Place, StartError> {
        let backend = &self.shared.backend;
        backend
            .place(&self.id, &self.workload, &self.template)
            .await
    }

    pub(super) async fn spec(&self, place: &Place) -> Result<InstanceSpec, StartError> {
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
            exit = self.exits.recv() => Ended::crashed(exit.unwrap_or_default()),
            unhealthy = dead => unhealthy.into(),
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
            exit = self.exits.recv() => return Err(Ended::crashed(exit.unwrap_or_default())),
            started = timeout_at(deadline, health.started(endpoint)) => started,
        };
        match started {
            Err(_) => return Err(timed_out(self.start_timeout).into()),
            Ok(started) => started.map_err(Ended::from)?,
        }
        let ready = tokio::select! {
            biased;
            exit = self.exits.recv() => return Err(Ended::crashed(exit.unwrap_or_default())),
            unhealthy = dead => return Err(unhealthy.into()),
            ready = timeout_at(deadline, health.ready(endpoint)) => ready,
        };
        ready.map_err(|_| timed_out(self.start_timeout).into())
    }

    fn ready(&self, endpoint: &Endpoint, phases: StartPhases) {
        self.shared.update(&self.id, |instance| {
            instance.phases = phases;
            instance.state = InstanceState::Ready {
                endpoint: endpoint.clone(),
            };
        });
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

fn timed_out(waited: Duration) -> StartError {
    StartError::Timeout {
        waited,
        message: "the readiness probe did not succeed".to_owned(),
    }
}
