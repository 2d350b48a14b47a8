//! The kit for runtimes.

mod cases;
mod client;
mod faults;
mod pods;
mod standby;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt, future::BoxFuture};
use k8s_openapi::api::core::v1::{
    Container, EnvVar, PodSpec, PodTemplateSpec, Probe, TCPSocketAction,
};
use libtest_mimic::{Failed, Trial};

use super::within;
use crate::runtime::{
    Capabilities, Instance, InstanceState, Workload, WorkloadId, WorkloadRuntime,
};

/// How long a case may wait for anything.
const DEADLINE: Duration = Duration::from_secs(60);
/// No case takes longer, not even the one with many lives.
const LIMIT: Duration = Duration::from_secs(600);

/// What the kit asks an image to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Answers every request with `Hello World!`, or with `TARGET` from its environment in place of `World`; on
    /// `/?sleep=MS` after so many milliseconds. Prints a line with `listening` in it when it listens. Where it is a
    /// process: on `/pid` with what no other instance ever answers, on `/file/PATH` with a file's content, on
    /// `/via/PORT/PATH` with what answers a GET of `/PATH` on that port of the loopback address; on `/end/PATH` it writes
    /// `ended` to a file and ends with 7.
    Hello,
    /// As `Hello`, but listens only after half a second.
    Slow,
    /// Runs and never listens.
    NeverListens,
    /// Prints `last words` and ends with 7.
    Exits,
    /// As `Hello`, but ignores SIGTERM.
    IgnoresSigterm,
    /// As `Hello`, after it has started children that outlive it, one of them in a session of its own.
    LeaksChildren,
    /// As `Hello`, while it prints 64 MiB and then a line with `flooded` in it.
    FloodsLog,
    /// Writes `TEXT` from its environment to the file that `FILE` names, and ends with 0.
    Writes,
    /// Takes more and more memory.
    EatsMemory,
}

/// A runtime under test. Every [`build`](Harness::build) is a world of its own, so that cases may run side by side.
#[async_trait]
pub trait Harness: fmt::Debug + Send + Sync + 'static {
    /// The runtime's name, which begins the names of the cases.
    fn name(&self) -> &'static str;

    /// What the runtime can do; selects the cases.
    fn capabilities(&self) -> Capabilities;

    /// The image of a role.
    fn image(&self, role: Role) -> String;

    /// A command in an instance that ends with `code`. Default: a shell's.
    fn command(&self, code: u8) -> Vec<String> {
        vec![
            "/bin/sh".to_owned(),
            "-c".to_owned(),
            format!("exit {code}"),
        ]
    }

    /// How often a life is repeated by the case that looks for leaks.
    fn cycles(&self) -> usize;

    /// A new world with a runtime in it.
    async fn build(&self) -> Box<dyn World>;
}

/// A runtime and what it runs on.
#[async_trait]
pub trait World: fmt::Debug + Send + Sync {
    /// The runtime.
    fn runtime(&self) -> Arc<dyn WorkloadRuntime>;

    /// Drops the runtime without stopping its instances, as a crash does, and puts a new one in its place that has
    /// been asked what it finds.
    async fn crash(&mut self);

    /// Stops what was found after a crash and belongs to no workload that was applied since.
    async fn reap(&self);

    /// What still runs or is still taken, one line each.
    async fn leftovers(&self) -> Vec<String>;

    /// Stops everything.
    async fn shut_down(&self);
}

/// A case: a world and the harness that made it.
pub(super) struct Case<'a> {
    harness: &'a dyn Harness,
    world: Box<dyn World>,
}

type Run = for<'a> fn(&'a mut Case<'_>) -> BoxFuture<'a, Result<(), Failed>>;

/// All cases that fit the runtime's capabilities, one trial each.
pub fn trials(harness: &Arc<dyn Harness>) -> Vec<Trial> {
    let capabilities = harness.capabilities();
    let all = cases::all()
        .into_iter()
        .chain(faults::all(capabilities))
        .chain(pods::all(capabilities))
        .chain(standby::all(capabilities));
    all.map(|(name, run)| trial(Arc::clone(harness), name, run))
        .collect()
}

fn trial(harness: Arc<dyn Harness>, name: &str, run: Run) -> Trial {
    Trial::test(format!("{}::{name}", harness.name()), move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let outcome = runtime.block_on(within(LIMIT, async {
            let mut case = Case {
                harness: &*harness,
                world: harness.build().await,
            };
            let outcome = run(&mut case).await;
            case.world.shut_down().await;
            outcome?;
            let left = case.world.leftovers().await;
            if left.is_empty() {
                Ok(())
            } else {
                Err(Failed::from(format!("left behind: {left:?}")))
            }
        }));
        runtime.shutdown_timeout(Duration::from_secs(1));
        outcome
    })
}

impl Case<'_> {
    fn runtime(&self) -> Arc<dyn WorkloadRuntime> {
        self.world.runtime()
    }

    /// A workload of one container.
    fn workload(&self, name: &str, role: Role, replicas: u32) -> Workload {
        self.workload_with(name, role, replicas, |_| {})
    }

    fn workload_with(
        &self,
        name: &str,
        role: Role,
        replicas: u32,
        change: impl FnOnce(&mut PodSpec),
    ) -> Workload {
        let mut spec = PodSpec {
            containers: vec![Container {
                name: "user-container".to_owned(),
                image: Some(self.harness.image(role)),
                termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
                readiness_probe: Some(Probe {
                    tcp_socket: Some(TCPSocketAction::default()),
                    ..Probe::default()
                }),
                ..Container::default()
            }],
            ..PodSpec::default()
        };
        change(&mut spec);
        let template = PodTemplateSpec {
            spec: Some(spec),
            ..PodTemplateSpec::default()
        };
        Workload::new(
            WorkloadId::new("default", name),
            Arc::new(template),
            replicas,
        )
    }

    async fn apply(&self, workload: &Workload) -> Result<(), Failed> {
        Ok(self.runtime().apply(workload).await?)
    }

    /// The instances of a workload.
    async fn instances(&self, workload: &Workload) -> Result<Vec<Arc<Instance>>, Failed> {
        let all = self.runtime().list().await?;
        Ok(all
            .into_iter()
            .filter(|instance| instance.workload == workload.id)
            .collect())
    }

    /// Waits until the workload's instances are as `wanted` says.
    async fn until(
        &self,
        workload: &Workload,
        what: &str,
        wanted: impl Fn(&[Arc<Instance>]) -> bool,
    ) -> Result<Vec<Arc<Instance>>, Failed> {
        let waiting = async {
            let mut changes = self.runtime().watch();
            loop {
                let now = self.instances(workload).await?;
                if wanted(&now) {
                    return Ok(now);
                }
                if changes.next().await.is_none() {
                    return Err(Failed::from("the watch ended"));
                }
            }
        };
        if let Ok(result) = tokio::time::timeout(DEADLINE, waiting).await {
            return result;
        }
        let now = self.instances(workload).await?;
        Err(format!("waited {DEADLINE:?} for {what}, but: {now:?}").into())
    }

    async fn until_ready(
        &self,
        workload: &Workload,
        count: usize,
    ) -> Result<Vec<Arc<Instance>>, Failed> {
        self.until(workload, &format!("{count} ready"), |now| {
            now.len() == count && now.iter().all(|instance| instance.state.is_ready())
        })
        .await
    }

    async fn until_gone(&self, workload: &Workload) -> Result<(), Failed> {
        self.until(workload, "none", <[_]>::is_empty)
            .await
            .map(drop)
    }

    /// The body of the answer to a GET.
    async fn get(&self, instance: &Instance, path: &str) -> Result<String, Failed> {
        let InstanceState::Ready { endpoint } = &instance.state else {
            return Err(format!("{} is not ready", instance.id).into());
        };
        client::get(endpoint, path).await
    }
}

/// A variable of the first container.
fn with_env(name: &'static str, value: &'static str) -> impl FnOnce(&mut PodSpec) {
    move |spec| {
        if let Some(container) = spec.containers.first_mut() {
            container.env = Some(vec![EnvVar {
                name: name.to_owned(),
                value: Some(value.to_owned()),
                ..EnvVar::default()
            }]);
        }
    }
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(what().into()) }
}
