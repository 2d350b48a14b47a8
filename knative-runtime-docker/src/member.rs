//! What is known of one instance.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::AtomicBool,
};

use knative_core::runtime::{InstanceId, Running, WorkloadId};
use parking_lot::Mutex;
use tokio::sync::{Mutex as Turn, watch};
use tokio_util::sync::CancellationToken;

use crate::label::Role;

/// A container of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// The engine's id.
    pub(crate) id: String,
    /// Its name within the instance.
    pub(crate) name: String,
    pub(crate) role: Role,
    /// Whether it was started.
    pub(crate) started: bool,
}

/// The end of a container that the instance needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Death {
    pub(crate) container: Held,
}

/// An instance on the engine.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: InstanceId,
    pub(crate) workload: WorkloadId,
    /// It is to go: a start that runs gives up.
    pub(crate) stop: CancellationToken,
    /// Held by whoever makes or removes something of it on the engine.
    pub(crate) turn: Turn<()>,
    /// Whether volumes were made for it, by this run of the platform.
    pub(crate) has_volumes: AtomicBool,
    pub(crate) state: Mutex<State>,
    death: watch::Sender<Option<Death>>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) address: Option<Ipv4Addr>,
    pub(crate) port: Option<u16>,
    pub(crate) containers: Vec<Held>,
    /// Whether it has no sandbox: its only container has a network of its own.
    pub(crate) alone: bool,
    /// Whether its containers are made, and wait for a start.
    pub(crate) made: bool,
    /// Whether its end is told to the platform: it was ready once.
    pub(crate) running: bool,
    /// The container that serves requests.
    pub(crate) serving: String,
}

impl Member {
    pub(crate) fn new(id: InstanceId, workload: WorkloadId) -> Self {
        Self {
            id,
            workload,
            stop: CancellationToken::new(),
            turn: Turn::default(),
            has_volumes: AtomicBool::new(false),
            state: Mutex::default(),
            death: watch::Sender::new(None),
        }
    }

    /// Takes note of a container.
    pub(crate) fn hold(&self, id: String, name: &str, role: Role) {
        self.state.lock().containers.push(Held {
            id,
            name: name.to_owned(),
            role,
            started: role == Role::Sandbox,
        });
    }

    /// Takes note that a container runs.
    pub(crate) fn started(&self, id: &str) {
        let mut state = self.state.lock();
        let held = state.containers.iter_mut().find(|held| held.id == id);
        if let Some(held) = held {
            held.started = true;
        }
    }

    /// The container of a name that runs with the instance; the serving one if none is named.
    pub(crate) fn container(&self, name: Option<&str>) -> Option<Held> {
        let state = self.state.lock();
        let name = name.unwrap_or(&state.serving);
        let mut all = state.containers.iter();
        all.find(|held| held.name == name && matches!(held.role, Role::Main | Role::Init))
            .cloned()
    }

    /// Its main containers, where they are made and not started.
    pub(crate) fn made(&self) -> Option<Vec<String>> {
        let mut state = self.state.lock();
        if !std::mem::take(&mut state.made) {
            return None;
        }
        let mains = state.containers.iter();
        let mains = mains.filter(|held| held.role == Role::Main);
        Some(mains.map(|held| held.id.clone()).collect())
    }

    /// The container that holds its network.
    pub(crate) fn sandbox(&self) -> Option<String> {
        let state = self.state.lock();
        let sandbox = state
            .containers
            .iter()
            .find(|held| held.role == Role::Sandbox);
        sandbox.map(|held| held.id.clone())
    }

    /// Takes note of the end of a container that it needs; answers with the death if it is to be told.
    pub(crate) fn died(&self, container: &str) -> Option<Death> {
        let state = self.state.lock();
        let mut all = state.containers.iter();
        let held = all.find(|held| held.id == container && held.role != Role::Init)?;
        let death = Death {
            container: held.clone(),
        };
        let first = self.death.send_if_modified(|known| {
            let first = known.is_none();
            known.get_or_insert(death.clone());
            first
        });
        (first && state.running && !self.stop.is_cancelled()).then_some(death)
    }

    /// Lets go of a container that is started again: its end is no longer looked for.
    pub(crate) fn release(&self, id: &str) {
        self.state.lock().containers.retain(|held| held.id != id);
    }

    /// An instance without a sandbox has its address from its container, which went.
    pub(crate) fn lose_address(&self) {
        let mut state = self.state.lock();
        if state.alone {
            state.address = None;
        }
    }

    /// Looks for ends anew, which are the start's to tell until it [runs](Self::run).
    pub(crate) fn revive(&self) {
        let mut state = self.state.lock();
        state.running = false;
        self.death.send_replace(None);
    }

    /// Waits for the end of a container that it needs.
    pub(crate) async fn dead(&self) -> Death {
        let mut death = self.death.subscribe();
        let death = death.wait_for(Option::is_some).await;
        match death.ok().and_then(|death| death.clone()) {
            Some(death) => death,
            // The sender lives as long as `self`.
            None => std::future::pending().await,
        }
    }

    /// Counts it as running from now on, unless it has died already.
    pub(crate) fn run(&self) -> Result<(), Death> {
        let mut state = self.state.lock();
        if let Some(death) = self.death.borrow().clone() {
            return Err(death);
        }
        state.running = true;
        Ok(())
    }

    /// As it is listed; `accepts` says whether it takes requests.
    pub(crate) fn listed(&self, accepts: bool) -> Running {
        let state = self.state.lock();
        let endpoint = endpoint(&state).filter(|_| accepts);
        Running::new(
            self.id.clone(),
            self.workload.clone(),
            state.labels.clone(),
            endpoint.map(knative_core::http::Endpoint::Tcp),
        )
    }

    pub(crate) fn endpoint(&self) -> Option<SocketAddr> {
        endpoint(&self.state.lock())
    }
}

fn endpoint(state: &State) -> Option<SocketAddr> {
    Some(SocketAddr::new(state.address?.into(), state.port?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member() -> Member {
        let member = Member::new(InstanceId::new("i"), WorkloadId::new("default", "w"));
        member.hold("init".to_owned(), "setup", Role::Init);
        member.hold("main".to_owned(), "user-container", Role::Main);
        member
    }

    #[test]
    fn only_the_first_death_of_a_running_instance_is_told() {
        let member = member();
        assert_eq!(member.died("init"), None, "init containers end");
        assert_eq!(member.died("other"), None);
        member.run().unwrap();
        assert_eq!(
            member.died("main").unwrap().container.name,
            "user-container"
        );
        assert_eq!(member.died("main"), None, "told before");
    }

    #[test]
    fn a_death_before_it_runs_is_the_starts_to_tell() {
        let member = member();
        assert_eq!(member.died("main"), None);
        assert_eq!(member.run().unwrap_err().container.id, "main");
    }
}
