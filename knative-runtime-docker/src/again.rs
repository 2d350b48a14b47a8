//! Containers that ended, started again beside those of their instance that go on.

use std::{io, time::Duration};

use bollard::{errors::Error, query_parameters::LogsOptionsBuilder};
use futures::{StreamExt as _, future::try_join_all};
use knative_core::runtime::{Phase, StartError, StartPhases, Started};
use tokio::{fs::File, io::AsyncWriteExt as _, task::spawn_blocking, time::Instant};

use crate::{
    engine::start_gone,
    label::Role,
    member::Held,
    sandbox,
    start::{Start, config_error},
};

impl Start {
    /// Starts again what has ended, and what is `unhealthy` after its end.
    pub(crate) async fn again(
        &self,
        unhealthy: Option<&str>,
        grace: Duration,
    ) -> Result<Started, StartError> {
        let mut phases = StartPhases::new();
        let lap = Instant::now();
        self.member.revive();
        if let Some(held) = unhealthy.and_then(|name| self.member.container(Some(name))) {
            // Its end is no news.
            self.shared.untrack(&held.id);
            let ended = self.shared.ask_to_end(&held, grace).await;
            ended.map_err(|error| start_gone("stopping a container", error))?;
        }
        let ended = self.ended_containers().await?;
        try_join_all(ended.iter().map(|held| self.set_aside(held))).await?;
        let made = try_join_all(ended.iter().map(|held| self.make_again(held))).await?;
        phases.add(Phase::Create, lap.elapsed());
        self.run_made(&made, phases).await
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
        let mut mains = looked
            .into_iter()
            .filter(|(held, _)| held.role == Role::Main)
            .peekable();
        if !stands || mains.peek().is_none() {
            return Err(StartError::BackendGone {
                message: "the instance lost what it stood on".to_owned(),
                source: None,
            });
        }
        let ended = mains.filter(|(_, runs)| !runs);
        Ok(ended.map(|(held, _)| held).collect())
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
            Err(Error::DockerResponseServerError {
                status_code: 404, ..
            }) => Ok(false),
            Err(error) => Err(start_gone("looking at a container", error)),
        }
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
        self.shared.untrack(&held.id);
        let removed = sandbox::remove(&self.shared.engine, &held.id).await;
        removed.map_err(|error| start_gone("removing a container", error))?;
        self.member.release(&held.id);
        Ok(())
    }

    async fn keep_log(&self, held: &Held) -> io::Result<()> {
        let options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .build();
        let directories = &self.shared.directories;
        let mut file = File::create(directories.previous_log(&self.member.id, &held.name)).await?;
        let mut pieces = self.shared.engine.docker().logs(&held.id, Some(options));
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(io::Error::other)?;
            file.write_all(&piece.into_bytes()).await?;
        }
        file.flush().await
    }

    async fn make_again(&self, held: &Held) -> Result<String, StartError> {
        let mut containers = self.spec.containers.iter();
        let container = containers.find(|container| container.name == held.name);
        let container = container.ok_or_else(|| {
            config_error(format!("the instance has no container {:?}", held.name))
        })?;
        let image = self.image(container).await?;
        self.create(container, &image, Role::Main).await
    }
}
