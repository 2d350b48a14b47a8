//! The image started without a platform: floors.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::Context as _;
use knative_benches::first_byte::first_byte;
use tokio::{task::spawn_blocking, time::Instant};

use crate::engine::Engine;

/// Where the image listens, as on the platform.
const PORT: u16 = 8080;
/// Where it listens in the container that others join.
const ELSEWHERE: u16 = 8081;
/// How long a started container is left alone between two tries to connect.
const PAUSE: Duration = Duration::from_micros(250);

/// What is done by hand, up to the first byte of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Floor {
    /// Create and start with a network of its own.
    Bridge,
    /// Create and start in a network that is there.
    Joined,
    /// Start of what is made, in a network that is there.
    Made,
    /// The end of a pause.
    Paused,
}

/// Starts containers on a platform's network.
#[derive(Debug)]
pub(crate) struct ByHand {
    engine: Engine,
    network: String,
    /// What was started and is to be removed.
    made: Vec<String>,
    /// The container whose network others join.
    holder: Option<Container>,
}

#[derive(Clone, Debug)]
struct Container {
    id: String,
    address: Ipv4Addr,
}

impl ByHand {
    pub(crate) async fn on(network: &str) -> anyhow::Result<Self> {
        Ok(Self {
            engine: Engine::connect().await?,
            network: network.to_owned(),
            made: Vec::new(),
            holder: None,
        })
    }

    /// How long something takes. What it leaves is there until [`clean`](Self::clean).
    pub(crate) async fn time(&mut self, floor: Floor) -> anyhow::Result<Duration> {
        match floor {
            Floor::Bridge => {
                let began = Instant::now();
                let started = self.start(PORT).await?;
                answer(started.address).await?;
                Ok(began.elapsed())
            }
            Floor::Joined => {
                let holder = self.holder().await?;
                let began = Instant::now();
                let id = self.join(&holder).await?;
                self.go_on(&id, "start", holder.address).await?;
                Ok(began.elapsed())
            }
            Floor::Made => {
                let holder = self.holder().await?;
                let id = self.join(&holder).await?;
                let began = Instant::now();
                self.go_on(&id, "start", holder.address).await?;
                Ok(began.elapsed())
            }
            Floor::Paused => {
                let Container { id, address } = self.start(PORT).await?;
                answer(address).await?;
                self.engine.tell(&id, "pause").await?;
                let began = Instant::now();
                self.go_on(&id, "unpause", address).await?;
                Ok(began.elapsed())
            }
        }
    }

    /// Removes what was measured.
    pub(crate) async fn clean(&mut self) -> anyhow::Result<()> {
        while let Some(id) = self.made.pop() {
            self.engine.remove(&id).await?;
        }
        Ok(())
    }

    /// Removes everything.
    pub(crate) async fn close(mut self) -> anyhow::Result<()> {
        self.clean().await?;
        match self.holder {
            Some(holder) => self.engine.remove(&holder.id).await,
            None => Ok(()),
        }
    }

    async fn start(&mut self, port: u16) -> anyhow::Result<Container> {
        let id = self.engine.create(&self.network, port).await?;
        self.made.push(id.clone());
        self.engine.tell(&id, "start").await?;
        let address = self.engine.address(&id, &self.network).await?;
        Ok(Container { id, address })
    }

    async fn join(&mut self, holder: &Container) -> anyhow::Result<String> {
        let network = format!("container:{}", holder.id);
        let id = self.engine.create(&network, PORT).await?;
        self.made.push(id.clone());
        Ok(id)
    }

    async fn go_on(&mut self, id: &str, how: &str, address: Ipv4Addr) -> anyhow::Result<()> {
        self.engine.tell(id, how).await?;
        answer(address).await
    }

    async fn holder(&mut self) -> anyhow::Result<Container> {
        if let Some(holder) = &self.holder {
            return Ok(holder.clone());
        }
        let holder = self.start(ELSEWHERE).await?;
        self.made.pop().context("it was just made")?;
        self.holder = Some(holder.clone());
        Ok(holder)
    }
}

async fn answer(address: Ipv4Addr) -> anyhow::Result<()> {
    let address = SocketAddr::new(address.into(), PORT);
    spawn_blocking(move || first_byte(address, PAUSE)).await?
}
