//! The probes of one instance.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{PodTemplateSpec, Probe};
use tokio::time::{sleep, timeout};

use crate::{
    http::Endpoint,
    runtime::{
        ContainerSpec, InstanceId, InstanceRuntime,
        probe::{Check, Prober, Schedule},
    },
};

/// One probe.
#[derive(Clone, Debug)]
struct Probing {
    check: Check,
    schedule: Schedule,
}

/// A probe that failed too often.
#[derive(Debug)]
pub(super) struct Unhealthy(pub(super) String);

/// Puts an instance's probes.
#[derive(Debug)]
pub(super) struct Health {
    id: InstanceId,
    backend: Arc<dyn InstanceRuntime>,
    prober: Prober,
    startup: Option<Probing>,
    readiness: Option<Probing>,
    liveness: Option<Probing>,
}

impl Health {
    /// The probes of the container that serves requests.
    pub(super) fn new(
        id: InstanceId,
        backend: Arc<dyn InstanceRuntime>,
        prober: Prober,
        template: &PodTemplateSpec,
        serving: Option<&ContainerSpec>,
    ) -> Self {
        let containers = template.spec.iter().flat_map(|spec| &spec.containers);
        let container =
            serving.and_then(|serving| containers.into_iter().find(|c| c.name == serving.name));
        let ports = serving
            .map(|serving| serving.ports.as_slice())
            .unwrap_or_default();
        let probing = |probe: Option<&Probe>| {
            let probe = probe?;
            Some(Probing {
                check: Check::of(probe, ports)?,
                schedule: Schedule::of(probe),
            })
        };
        Self {
            id,
            backend,
            prober,
            startup: probing(container.and_then(|container| container.startup_probe.as_ref())),
            readiness: probing(container.and_then(|container| container.readiness_probe.as_ref())),
            liveness: probing(container.and_then(|container| container.liveness_probe.as_ref())),
        }
    }

    /// Answers once the instance is ready.
    pub(super) async fn become_ready(&self, endpoint: &Endpoint) -> Result<(), Unhealthy> {
        if let Some(startup) = &self.startup {
            self.pass(
                startup,
                endpoint,
                Some(startup.schedule.failures),
                "startup",
            )
            .await?;
        }
        match &self.readiness {
            // A backend's `start` answers when its endpoint accepts: that was this question.
            None
            | Some(Probing {
                check: Check::Tcp { port: None },
                ..
            }) => Ok(()),
            Some(readiness) => self.pass(readiness, endpoint, None, "readiness").await,
        }
    }

    /// Asks until enough successes in a row, or until `failures` in a row.
    async fn pass(
        &self,
        probing: &Probing,
        endpoint: &Endpoint,
        failures: Option<u32>,
        what: &str,
    ) -> Result<(), Unhealthy> {
        let schedule = &probing.schedule;
        let (mut succeeded, mut failed) = (0, 0);
        sleep(schedule.initial_delay).await;
        loop {
            match self.ask(probing, endpoint).await {
                Ok(()) => (succeeded, failed) = (succeeded + 1, 0),
                Err(message) => {
                    (succeeded, failed) = (0, failed + 1);
                    if failures.is_some_and(|failures| failed >= failures) {
                        return Err(Unhealthy(format!("{what} probe failed: {message}")));
                    }
                }
            }
            if succeeded >= schedule.successes {
                return Ok(());
            }
            sleep(schedule.first_period).await;
        }
    }

    /// Goes on asking a ready instance: tells `readiness` of each change, and answers when it is no longer alive.
    pub(super) async fn watch(
        &self,
        endpoint: &Endpoint,
        readiness: impl Fn(Result<(), String>),
    ) -> Unhealthy {
        tokio::select! {
            biased;
            unhealthy = self.watch_liveness(endpoint) => unhealthy,
            unhealthy = self.watch_readiness(endpoint, readiness) => unhealthy,
        }
    }

    async fn watch_liveness(&self, endpoint: &Endpoint) -> Unhealthy {
        let Some(liveness) = &self.liveness else {
            return std::future::pending().await;
        };
        sleep(liveness.schedule.initial_delay).await;
        let mut failed = 0;
        loop {
            sleep(liveness.schedule.period).await;
            match self.ask(liveness, endpoint).await {
                Ok(()) => failed = 0,
                Err(message) => {
                    failed += 1;
                    if failed >= liveness.schedule.failures {
                        return Unhealthy(format!("liveness probe failed: {message}"));
                    }
                }
            }
        }
    }

    async fn watch_readiness(
        &self,
        endpoint: &Endpoint,
        readiness: impl Fn(Result<(), String>),
    ) -> Unhealthy {
        let Some(probing) = &self.readiness else {
            return std::future::pending().await;
        };
        if matches!(probing.check, Check::Tcp { port: None }) {
            // An instance that ends closes its port; that is reported as its exit.
            return std::future::pending().await;
        }
        let (mut ready, mut streak) = (true, 0);
        loop {
            sleep(probing.schedule.period).await;
            let answer = self.ask(probing, endpoint).await;
            streak = if answer.is_ok() == ready {
                0
            } else {
                streak + 1
            };
            let needed = if ready {
                probing.schedule.failures
            } else {
                probing.schedule.successes
            };
            if streak >= needed {
                (ready, streak) = (!ready, 0);
                readiness(answer);
            }
        }
    }

    async fn ask(&self, probing: &Probing, endpoint: &Endpoint) -> Result<(), String> {
        let limit = probing.schedule.timeout;
        let answer = async {
            match &probing.check {
                Check::Exec { command } => self.exec(command, limit).await,
                check => self
                    .prober
                    .check(check, endpoint)
                    .await
                    .map_err(|error| error.to_string()),
            }
        };
        timeout(limit, answer)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {limit:?}")))
    }

    async fn exec(&self, command: &[String], limit: Duration) -> Result<(), String> {
        match self.backend.exec(&self.id, command, limit).await {
            Ok(0) => Ok(()),
            Ok(code) => Err(format!("the command ended with {code}")),
            Err(error) => Err(error.to_string()),
        }
    }
}
