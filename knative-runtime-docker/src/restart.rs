//! Containers that ended, started again beside those of their instance that go on.

use std::{io, time::Duration};

use bollard::{errors::Error, query_parameters::LogsOptionsBuilder};
use futures::{StreamExt as _, future::try_join_all};
use knative_core::runtime::{
    ContainerSpec, Exit, InstanceId, Phase, RuntimeError, StartError, StartPhases, Started,
};
use tokio::{fs::File, io::AsyncWriteExt as _, task::spawn_blocking, time::Instant};

use crate::{
    engine::{gone, start_gone, status},
    label::Role,
    member::Held,
    sandbox,
    shared::Shared,
    start::{Start, all_made, config_error},
};

impl Shared {
    /// Ends one container of an instance; who stops all of it needs not wait for that.
    pub(crate) async fn stop_container(
        &self,
        id: &InstanceId,
        container: &str,
        grace: Duration,
    ) -> Result<Exit, RuntimeError> {
        let held = self.held(id, Some(container))?;
        let member = self
            .member(id)
            .ok_or_else(|| RuntimeError::NotFound { id: id.clone() })?;
        // How it ends is this call's to tell.
        member.state.lock().running = false;
        let asked = member
            .stop
            .run_until_cancelled(self.ask_to_end(&held, grace));
        let asked = asked.await.unwrap_or(Ok(()));
        asked.map_err(|error| gone("stopping a container", error))?;
        Ok(self.exit(&member, &held.id, &held.name).await)
    }
}

impl Start {
    /// Starts again what has ended.
    pub(crate) async fn restart(&self) -> Result<Started, StartError> {
        let mut phases = StartPhases::new();
        let lap = Instant::now();
        let ended = self.let_go_of_what_ended().await?;
        let specs = ended.iter().map(|held| self.spec_of(&held.name));
        let specs = specs.collect::<Result<Vec<&ContainerSpec>, _>>()?;
        let images = try_join_all(specs.iter().map(|spec| self.image(spec)));
        let images = self.pulled(images).await?;
        phases.add(Phase::Image, lap.elapsed());

        let lap = Instant::now();
        try_join_all(ended.iter().map(|held| self.set_aside(held))).await?;
        if !ended.is_empty() {
            self.member.lose_address();
        }
        let made = specs.iter().zip(&images);
        let made = made.map(|(spec, image)| self.create(spec, image, Role::Main));
        let made = all_made(made).await?;
        phases.add(Phase::Create, lap.elapsed());
        self.run_made(&made, phases).await
    }

    /// The containers that ended; from here on an end is that of one which goes on, or is started again.
    async fn let_go_of_what_ended(&self) -> Result<Vec<Held>, StartError> {
        let mut ended = Vec::new();
        loop {
            self.member.revive();
            let now = self.ended_containers().await?;
            if now.len() == ended.len() {
                return Ok(now);
            }
            for held in &now {
                self.shared.untrack(&held.id);
            }
            ended = now;
        }
    }

    /// The main containers that do not run, where what they stand on does.
    async fn ended_containers(&self) -> Result<Vec<Held>, StartError> {
        let held = self.member.state.lock().containers.clone();
        let looked = held.into_iter().map(|held| async {
            let runs = self.runs(&held.id).await?;
            Ok::<_, StartError>((held, runs))
        });
        let looked = try_join_all(looked).await?;
        let stands = looked.iter().all(|(held, runs)| match held.role {
            Role::Main | Role::Init => true,
            Role::Sandbox | Role::Holder => *runs,
        });
        let mains = looked.iter().filter(|(held, _)| held.role == Role::Main);
        if !stands || mains.clone().next().is_none() {
            return Err(StartError::BackendGone {
                message: "the instance lost what it stood on".to_owned(),
                source: None,
            });
        }
        let ended = mains.filter(|(_, runs)| !runs);
        Ok(ended.map(|(held, _)| held.clone()).collect())
    }

    async fn runs(&self, id: &str) -> Result<bool, StartError> {
        match self
            .shared
            .engine
            .docker()
            .inspect_container(id, None)
            .await
        {
            Ok(found) => Ok(found.state.and_then(|state| state.running) == Some(true)),
            Err(error) if status(&error) == Some(404) => Ok(false),
            Err(error) => Err(start_gone("looking at a container", error)),
        }
    }

    fn spec_of(&self, name: &str) -> Result<&ContainerSpec, StartError> {
        let mut containers = self.spec.containers.iter();
        let found = containers.find(|container| container.name == name);
        found.ok_or_else(|| config_error(format!("the instance has no container {name:?}")))
    }

    /// Keeps what a container printed, and makes room for the next one of its name.
    async fn set_aside(&self, held: &Held) -> Result<(), StartError> {
        let (directories, id) = (self.shared.directories.clone(), self.member.id.clone());
        let name = held.name.clone();
        let renewed = spawn_blocking(move || directories.renew(&id, &name)).await;
        let renewed = renewed.unwrap_or_else(|error| Err(io::Error::other(error)));
        renewed.map_err(|error| config_error(format!("the files of a container: {error}")))?;
        if let Err(error) = self.keep_log(held).await {
            tracing::warn!(instance = %self.member.id, container = held.name, %error, "its log is lost");
        }
        let removed = sandbox::remove(&self.shared.engine, &held.id).await;
        removed.map_err(|error| start_gone("removing a container", error))?;
        self.member.release(&held.id);
        Ok(())
    }

    /// Each line with its time, as the engine tells it.
    async fn keep_log(&self, held: &Held) -> io::Result<()> {
        let options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .build();
        let directories = &self.shared.directories;
        let mut file = File::create(directories.previous_log(&self.member.id, &held.name)).await?;
        let mut pieces = self.shared.engine.docker().logs(&held.id, Some(options));
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error: Error| io::Error::other(error))?;
            file.write_all(&piece.into_bytes()).await?;
        }
        file.flush().await
    }
}
