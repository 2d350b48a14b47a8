//! The probes of one instance's containers.

mod probing;

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures::future::{join_all, select_all, try_join_all};
use k8s_openapi::api::core::v1::{Container, PodTemplateSpec, Probe};
use parking_lot::Mutex;

use self::probing::Probing;
use super::render::ports;
use crate::{
    http::Endpoint,
    runtime::{
        InstanceId, InstanceRuntime,
        probe::{Check, Prober, Schedule},
    },
};

/// A probe that failed too often.
#[derive(Debug)]
pub(super) struct Unhealthy {
    pub(super) container: String,
    pub(super) message: String,
    /// How long it may take to end; as its pod says if `None`.
    pub(super) grace: Option<Duration>,
}

/// Puts an instance's probes.
#[derive(Debug)]
pub(super) struct Health {
    containers: Vec<ContainerHealth>,
}

/// The probes of one container.
#[derive(Debug)]
struct ContainerHealth {
    name: String,
    startup: Option<Probing>,
    readiness: Option<Probing>,
    liveness: Option<Probing>,
}

impl Health {
    /// The probes of all containers of a template.
    pub(super) fn new(
        id: &InstanceId,
        backend: &Arc<dyn InstanceRuntime>,
        prober: &Prober,
        template: &PodTemplateSpec,
    ) -> Self {
        let containers = template.spec.iter().flat_map(|spec| &spec.containers);
        let serving = serving(template);
        let of = |container: &Container| {
            // Its ports are the instance's endpoint.
            let declared = serving.filter(|serving| serving.name == container.name);
            let declared = declared.map(ports);
            let declared = declared.as_deref();
            let probing = |probe: Option<&Probe>| {
                let probe = probe?;
                Some(Probing {
                    id: id.clone(),
                    container: container.name.clone(),
                    backend: Arc::clone(backend),
                    prober: prober.clone(),
                    check: Check::of(probe, declared)?,
                    schedule: Schedule::of(probe),
                })
            };
            ContainerHealth {
                name: container.name.clone(),
                startup: probing(container.startup_probe.as_ref()),
                readiness: probing(container.readiness_probe.as_ref()),
                liveness: probing(container.liveness_probe.as_ref()),
            }
        };
        Self {
            containers: containers.map(of).collect(),
        }
    }

    /// Answers once every container has started.
    pub(super) async fn started(&self, endpoint: &Endpoint) -> Result<(), Unhealthy> {
        let startups = self.containers.iter().filter_map(|container| {
            let probing = container.startup.as_ref()?;
            Some(async move {
                let failures = Some(probing.schedule.failures);
                let passed = probing.pass(endpoint, failures).await;
                passed.map_err(|message| container.unhealthy("startup", probing, &message))
            })
        });
        try_join_all(startups).await.map(drop)
    }

    /// Answers once every container is ready.
    pub(super) async fn ready(&self, endpoint: &Endpoint) {
        let probes = self.readiness().map(|(_, probing)| async move {
            // Without a limit of failures it only ends well.
            let _ = probing.pass(endpoint, None).await;
        });
        join_all(probes).await;
    }

    /// Answers when a container is no longer alive.
    pub(super) async fn dead(&self, endpoint: &Endpoint) -> Unhealthy {
        let probes = self.containers.iter().filter_map(|container| {
            let probing = container.liveness.as_ref()?;
            Some(Box::pin(async move {
                let message = probing.fail(endpoint).await;
                container.unhealthy("liveness", probing, &message)
            }))
        });
        let probes: Vec<_> = probes.collect();
        if probes.is_empty() {
            return std::future::pending().await;
        }
        select_all(probes).await.0
    }

    /// Goes on asking a ready instance, and tells of each change.
    pub(super) async fn watch(
        &self,
        endpoint: &Endpoint,
        tell: impl Fn(Result<(), String>),
    ) -> Infallible {
        let answers = Mutex::new(vec![Ok(()); self.containers.len()]);
        let probes = self.readiness().map(|(index, probing)| {
            let (answers, tell) = (&answers, &tell);
            probing.watch(endpoint, move |answer| {
                let all = {
                    let mut answers = answers.lock();
                    answers[index] = answer;
                    answers.iter().cloned().collect::<Result<(), String>>()
                };
                tell(all);
            })
        });
        join_all(probes).await;
        // No probe asks: nothing changes by itself.
        std::future::pending().await
    }

    /// The readiness probes that ask more than whether the endpoint accepts: that a backend's `start` has answered, and
    /// an instance that ends closes its port, which is reported as its exit.
    fn readiness(&self) -> impl Iterator<Item = (usize, &Probing)> {
        let all = self.containers.iter().enumerate();
        all.filter_map(|(index, container)| Some((index, container.readiness.as_ref()?)))
            .filter(|(_, probing)| probing.check != Check::Tcp { port: None })
    }
}

/// The container that serves requests: the first with a port, else the first.
fn serving(template: &PodTemplateSpec) -> Option<&Container> {
    let containers = &template.spec.as_ref()?.containers;
    let mut all = containers.iter();
    all.find(|container| {
        container
            .ports
            .as_ref()
            .is_some_and(|ports| !ports.is_empty())
    })
    .or_else(|| containers.first())
}

impl ContainerHealth {
    fn unhealthy(&self, probe: &str, probing: &Probing, message: &str) -> Unhealthy {
        Unhealthy {
            grace: probing.schedule.grace,
            container: self.name.clone(),
            message: format!("{}: {probe} probe failed: {message}", self.name),
        }
    }
}
