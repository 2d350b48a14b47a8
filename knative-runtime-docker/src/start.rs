//! The start of an instance: images, containers, and the wait until it accepts connections.

mod refusal;

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bollard::{
    errors::Error,
    models::{ContainerCreateBody, HostConfig},
    query_parameters::WaitContainerOptions,
};
use futures::{
    TryStreamExt as _,
    future::{join_all, try_join_all},
};
use knative_core::{
    http::Endpoint,
    runtime::{ContainerSpec, InstanceSpec, Phase, StartError, StartPhases, Started},
};
use tokio::{
    net::TcpStream,
    task::spawn_blocking,
    time::{Instant, sleep, sleep_until},
};

pub(crate) use self::refusal::config_error;
use self::refusal::{no_command, refused};
use crate::{
    disk::Disks,
    engine::{start_gone, status},
    infra,
    label::{self, Role},
    member::Member,
    render::{self, Footing, Ground},
    sandbox::{self, container_name},
    shared::Shared,
    volume::of_engine,
};

/// How long after a refused connection the next one is tried, at first and at most.
const CONNECT: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(16));

/// One start.
pub(crate) struct Start {
    pub(crate) shared: Arc<Shared>,
    pub(crate) member: Arc<Member>,
    pub(crate) spec: InstanceSpec,
    pub(crate) began: Instant,
}

impl Start {
    /// Starts the instance. What it made is noted with the member, also when it fails.
    pub(crate) async fn run(&self) -> Result<Started, StartError> {
        let mut phases = StartPhases::new();
        let made = match self.member.made() {
            Some(made) => made,
            None => self.make_all(&mut phases).await?,
        };
        self.run_made(&made, phases).await
    }

    /// Starts containers that are made, and waits until the instance accepts connections.
    pub(crate) async fn run_made(
        &self,
        made: &[String],
        mut phases: StartPhases,
    ) -> Result<Started, StartError> {
        let lap = Instant::now();
        try_join_all(made.iter().map(|id| self.start(id))).await?;
        if let Some(alone) = made.first().filter(|_| self.member.state.lock().alone) {
            self.shared.learn_address(&self.member, alone).await?;
        }
        let address = self.accepting().await?;
        phases.add(Phase::Exec, lap.elapsed());
        match self.member.run() {
            Ok(()) => Ok(Started::new(Endpoint::Tcp(address), phases)),
            Err(death) => Err(self.shared.crash(&self.member, &death).await),
        }
    }

    /// Makes the instance's containers, up to those that serve; answers with the ids of these.
    pub(crate) async fn make_all(
        &self,
        phases: &mut StartPhases,
    ) -> Result<Vec<String>, StartError> {
        let lap = Instant::now();
        let images = self.pulled(self.images()).await?;
        phases.add(Phase::Image, lap.elapsed());

        let lap = Instant::now();
        self.note();
        self.write().await?;
        self.hold_volumes().await?;
        self.init(&images.init).await?;
        let mains = self.spec.containers.iter().zip(&images.main);
        let made = mains.map(|(container, image)| self.create(container, image, Role::Main));
        let made = all_made(made).await?;
        phases.add(Phase::Create, lap.elapsed());
        Ok(made)
    }

    /// Waits for images no longer than the start may take.
    pub(crate) async fn pulled<T>(
        &self,
        images: impl Future<Output = Result<T, StartError>>,
    ) -> Result<T, StartError> {
        tokio::select! {
            biased;
            () = self.member.stop.cancelled() => Err(StartError::Stopped),
            () = sleep_until(self.deadline()) => Err(self.timed_out("an image is pulled")),
            images = images => images,
        }
    }

    fn note(&self) {
        let mut state = self.member.state.lock();
        state.labels.clone_from(&self.spec.labels);
        state.port = Some(render::serving_port(&self.spec));
        let serving = self.spec.serving();
        state.serving = serving
            .map(|serving| serving.name.clone())
            .unwrap_or_default();
    }

    async fn images(&self) -> Result<Images, StartError> {
        let ensured = |containers: &'_ [ContainerSpec]| {
            let containers = containers.to_vec();
            async move {
                let all = containers.iter().map(|container| self.image(container));
                try_join_all(all).await
            }
        };
        let (init, main) = tokio::try_join!(
            ensured(&self.spec.init_containers),
            ensured(&self.spec.containers)
        )?;
        Ok(Images { init, main })
    }

    pub(crate) async fn image(&self, container: &ContainerSpec) -> Result<String, StartError> {
        let images = &self.shared.images;
        let image = images.ensure(container, &self.spec.pull_secrets).await?;
        let (pod, own) = (
            self.spec.security_context.as_ref(),
            container.security_context.as_ref(),
        );
        // Only where root is forbidden the image's user matters.
        if render::non_root(pod, own, "0").is_err() {
            let inspected = self.shared.engine.docker().inspect_image(&image).await;
            let inspected = inspected.map_err(|error| start_gone("looking at the image", error))?;
            let user = inspected.config.and_then(|config| config.user);
            let allowed = render::non_root(pod, own, user.as_deref().unwrap_or_default());
            allowed.map_err(config_error)?;
        }
        Ok(image)
    }

    async fn write(&self) -> Result<(), StartError> {
        let (directories, spec) = (self.shared.directories.clone(), self.spec.clone());
        let address = self.member.state.lock().address;
        let written = spawn_blocking(move || directories.write(&spec, address)).await;
        let written = written.map_err(|error| config_error(error.to_string()))?;
        written.map_err(|error| config_error(format!("the files of a volume: {error}")))
    }

    /// Makes the volumes that the engine keeps, and starts what holds them.
    async fn hold_volumes(&self) -> Result<(), StartError> {
        let needed = of_engine::needed(&self.shared.platform, &self.spec);
        if needed.is_empty() {
            return Ok(());
        }
        self.member.has_volumes.store(true, Ordering::Relaxed);
        let docker = self.shared.engine.docker();
        let made = needed
            .into_iter()
            .map(|volume| docker.create_volume(volume));
        // All of them, also where one cannot be made: what is made goes with the instance.
        let made = join_all(made)
            .await
            .into_iter()
            .collect::<Result<Vec<_>, _>>();
        made.map_err(|error| refused("CreateContainerError", error))?;
        let mounts = of_engine::held(&self.shared.platform, &self.spec);
        let targets = mounts.iter().filter_map(|mount| mount.target.clone());
        let body = ContainerCreateBody {
            image: Some(self.shared.infra.clone()),
            entrypoint: Some(vec![infra::PROGRAM.to_owned()]),
            cmd: Some(targets.collect()),
            labels: Some(label::of_container(
                &self.shared.platform,
                &self.spec.id,
                Role::Holder,
            )),
            host_config: Some(HostConfig {
                network_mode: Some("none".to_owned()),
                mounts: Some(mounts),
                ..sandbox::harmless()
            }),
            ..ContainerCreateBody::default()
        };
        let holder = self.make("volumes", Role::Holder, body).await?;
        self.start(&holder).await
    }

    /// Runs the init containers one after another.
    async fn init(&self, images: &[String]) -> Result<(), StartError> {
        for (container, image) in self.spec.init_containers.iter().zip(images) {
            let id = self.create(container, image, Role::Init).await?;
            self.start(&id).await?;
            self.ended(container, &id).await?;
        }
        Ok(())
    }

    async fn ended(&self, container: &ContainerSpec, id: &str) -> Result<(), StartError> {
        let docker = self.shared.engine.docker();
        let waiting = docker.wait_container(id, None::<WaitContainerOptions>);
        let waiting = waiting.try_collect::<Vec<_>>();
        let ended = tokio::select! {
            biased;
            () = self.member.stop.cancelled() => return Err(StartError::Stopped),
            () = sleep_until(self.deadline()) => return Err(self.timed_out("an init container runs")),
            ended = waiting => ended,
        };
        match ended {
            Ok(_) => Ok(()),
            Err(Error::DockerContainerWaitError { .. }) => {
                let exit = self.shared.exit(&self.member, id, &container.name).await;
                Err(StartError::CrashLoop(exit))
            }
            Err(error) => Err(start_gone("waiting for an init container", error)),
        }
    }

    pub(crate) async fn create(
        &self,
        container: &ContainerSpec,
        image: &str,
        role: Role,
    ) -> Result<String, StartError> {
        let shared = &self.shared;
        let sandbox = self.member.sandbox();
        let footing = match &sandbox {
            Some(sandbox) => Footing::Joined(sandbox),
            None => Footing::Alone(&shared.sandboxes),
        };
        let ground = Ground {
            platform: &shared.platform,
            spec: &self.spec,
            footing,
            image: image.to_owned(),
            mounts: shared
                .directories
                .mounts(&shared.platform, &self.spec, container),
            role,
            written: self.written(container, image).await?,
        };
        let body = render::container(container, ground);
        let body = body.map_err(|error| config_error(error.to_string()))?;
        let made = self.make(&container.name, role, body).await;
        if made.is_err() {
            // It may have gone from the engine: the next start looks.
            shared.images.forget(&container.image);
        }
        made
    }

    /// How much counts as written from the start, where the engine bounds what a container writes.
    async fn written(
        &self,
        container: &ContainerSpec,
        image: &str,
    ) -> Result<Option<i64>, StartError> {
        let limits = container.resources.limits.as_ref();
        let is_limited = limits.is_some_and(|limits| limits.contains_key("ephemeral-storage"));
        match self.shared.disks {
            Disks::Unbounded => Ok(None),
            Disks::BoundedWithImage if is_limited => {
                let inspected = self.shared.engine.docker().inspect_image(image).await;
                let inspected =
                    inspected.map_err(|error| start_gone("looking at the image", error))?;
                Ok(Some(inspected.size.unwrap_or_default()))
            }
            _ => Ok(Some(0)),
        }
    }

    async fn make(
        &self,
        name: &str,
        role: Role,
        body: ContainerCreateBody,
    ) -> Result<String, StartError> {
        if self.member.stop.is_cancelled() {
            return Err(StartError::Stopped);
        }
        let full = container_name(&self.shared.platform, &self.spec.id, name);
        let made = sandbox::create(&self.shared.engine, &full, body).await;
        let made = made.map_err(|error| refused("CreateContainerError", error))?;
        self.member.hold(made.clone(), name, role);
        self.shared.track(&made, &self.member);
        Ok(made)
    }

    async fn start(&self, id: &str) -> Result<(), StartError> {
        if self.member.stop.is_cancelled() {
            return Err(StartError::Stopped);
        }
        let started = self.shared.engine.docker().start_container(id, None).await;
        match started {
            Ok(()) => {
                self.member.started(id);
                Ok(())
            }
            Err(error) if status(&error).is_some() && self.has_no_command(id).await => {
                Err(no_command(&error))
            }
            Err(error) => Err(refused("RunContainerError", error)),
        }
    }

    /// Whether neither image nor template says what a container runs. Docker does not make such a container, nor did Podman
    /// before version 5, which does not start it and has no words for it.
    async fn has_no_command(&self, id: &str) -> bool {
        let inspected = self.shared.engine.docker().inspect_container(id, None);
        let config = inspected.await.ok().and_then(|container| container.config);
        config.is_some_and(|config| {
            let words = config.entrypoint.iter().chain(&config.cmd);
            words.flatten().next().is_none()
        })
    }

    /// Waits until the instance accepts connections.
    async fn accepting(&self) -> Result<SocketAddr, StartError> {
        let endpoint = self.member.endpoint();
        let connected = async {
            match endpoint {
                Some(endpoint) => connected(endpoint).await,
                // It stands alone and has ended already: what runs has an address.
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.member.stop.cancelled() => Err(StartError::Stopped),
            death = self.member.dead() => Err(self.shared.crash(&self.member, &death).await),
            endpoint = connected => Ok(endpoint),
            () = sleep_until(self.deadline()) => {
                let port = render::serving_port(&self.spec);
                Err(self.timed_out(&format!("nothing listens on port {port}")))
            }
        }
    }

    fn deadline(&self) -> Instant {
        self.began + self.spec.start_timeout
    }

    fn timed_out(&self, message: &str) -> StartError {
        StartError::Timeout {
            waited: self.spec.start_timeout,
            message: message.to_owned(),
        }
    }
}

/// References or ids of images, in the order of their containers.
struct Images {
    init: Vec<String>,
    main: Vec<String>,
}

/// Waits for all containers, also where one cannot be made: what the engine makes is noted, and goes with its instance.
pub(crate) async fn all_made(
    made: impl IntoIterator<Item = impl Future<Output = Result<String, StartError>>>,
) -> Result<Vec<String>, StartError> {
    join_all(made).await.into_iter().collect()
}

/// Connects until it works.
async fn connected(endpoint: SocketAddr) -> SocketAddr {
    let (mut pause, longest) = CONNECT;
    while TcpStream::connect(endpoint).await.is_err() {
        sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
    endpoint
}
