//! What rows are measured on: a platform with services at zero, and the engine below it.

use std::{fs, time::Duration};

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use knative_benches::{
    at_zero::AtZero,
    client::{AT_ZERO, Services, Wanted},
    load::Client,
    measure::Latencies,
    platform::Platform,
    process,
};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{
    by_hand::{ByHand, Floor},
    engine::{self, Engine, IMAGE},
};

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_platform-docker");

/// How many services are called at a time where it does not count how long that takes.
const AT_ONCE: usize = 4;
/// How long all of a row's containers may take to be as they should.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(20);

/// A platform and its engine.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) at_zero: AtZero,
    pub(crate) network: String,
    engine: Engine,
    /// The platform's name on the engine.
    platform: String,
    /// How many sandboxes wait for instances.
    pool: usize,
    /// How many instances are kept in reserve by services that were not measured.
    reserve: usize,
}

/// What was measured in turns.
pub(crate) struct Turns<const N: usize> {
    pub(crate) answers: Latencies,
    pub(crate) floors: [Latencies; N],
    pub(crate) failed: u64,
}

impl Ground {
    /// Starts a platform whose pool has a size, with services that begin at zero.
    pub(crate) async fn prepare(
        pool: usize,
        annotations: &[(&str, &str)],
        count: usize,
    ) -> anyhow::Result<Self> {
        let (host, size) = (engine::host(), pool.to_string());
        let arguments = ["--docker", host.as_str(), "--pool", &size];
        let (platform, client) = Platform::start(PROGRAM, &arguments).await?;
        let mut annotations = annotations.to_vec();
        annotations.push(AT_ZERO);
        let wanted = Wanted::new(IMAGE, &annotations);
        let at_zero = AtZero::prepare((platform, Services::new(client)), &wanted, count).await?;

        let settings = fs::read(at_zero.platform.data().join("settings.json"))?;
        let settings: Value = serde_json::from_slice(&settings)?;
        let platform = settings["platform"]
            .as_str()
            .context("its name")?
            .to_owned();
        let mut engine = Engine::connect().await?;
        let network = engine.network(&platform).await?;
        Ok(Self {
            at_zero,
            network,
            engine,
            platform,
            pool,
            reserve: 0,
        })
    }

    /// Calls every service once.
    pub(crate) async fn call_all(&self) -> anyhow::Result<()> {
        let gateway = self.at_zero.platform.gateway;
        let calls = self.at_zero.hosts().map(|host| async move {
            let mut client = Client::connect(gateway).await?;
            client.get(&host).await
        });
        stream::iter(calls)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    /// Waits until every service keeps an instance in reserve, in a state that has the engine's name.
    pub(crate) async fn reserve(&mut self, state: &str) -> anyhow::Result<()> {
        self.reserve = self.at_zero.names.len();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let all = self.engine.containers(&self.platform).await?;
            let kept = all
                .iter()
                .filter(|found| found.role == "main" && found.state == state)
                .count();
            if kept == self.reserve {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{kept} of {} instances are {state}",
                self.reserve
            );
            sleep(LOOK).await;
        }
    }

    /// Calls service after service, and measures floors between.
    pub(crate) async fn in_turns<const N: usize>(
        &mut self,
        floors: [Floor; N],
    ) -> anyhow::Result<Turns<N>> {
        let mut by_hand = ByHand::on(&self.network).await?;
        let turns = self.turns(&mut by_hand, floors).await;
        by_hand.close().await?;
        turns
    }

    async fn turns<const N: usize>(
        &mut self,
        by_hand: &mut ByHand,
        floors: [Floor; N],
    ) -> anyhow::Result<Turns<N>> {
        let mut turns = Turns {
            answers: Latencies::new(),
            floors: std::array::from_fn(|_| Latencies::new()),
            failed: 0,
        };
        let mut client = Client::connect(self.at_zero.platform.gateway).await?;
        for (round, name) in self.at_zero.names.clone().iter().enumerate() {
            // Whoever comes first in one round comes last in the next.
            for turn in 0..=N {
                self.quiet().await?;
                let floor = (round + turn) % (N + 1);
                if floor < N {
                    turns.floors[floor].add(by_hand.time(floors[floor]).await?);
                    by_hand.clean().await?;
                    continue;
                }
                match client.time(&AtZero::host(name)).await {
                    Ok(latency) => turns.answers.add(latency),
                    Err(_) => turns.failed += 1,
                }
                self.delete(name).await?;
            }
        }
        Ok(turns)
    }

    /// Takes a service away that was measured, so that the engine has as much to do in every round.
    pub(crate) async fn delete(&mut self, name: &str) -> anyhow::Result<()> {
        self.at_zero.services.delete(name).await?;
        self.reserve = self.reserve.saturating_sub(1);
        Ok(())
    }

    /// Waits until the pool is full, what was measured is gone, and neither the platform nor the engine does anything.
    pub(crate) async fn quiet(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let all = self.engine.containers(&self.platform).await?;
            let (sandboxes, mains): (Vec<_>, Vec<_>) =
                all.iter().partition(|found| found.role == "sandbox");
            // An instance that found no sandbox has a network of its own, so only those count that wait for one.
            let taken = |instance: &str| mains.iter().any(|main| main.instance == instance);
            let waiting = sandboxes
                .iter()
                .filter(|found| found.state == "running" && !taken(&found.instance));
            let waiting = waiting.count();
            if waiting == self.pool && mains.len() == self.reserve {
                break;
            }
            ensure!(
                Instant::now() < deadline,
                "{waiting} sandboxes wait of {}, {} instances of {}",
                self.pool,
                mains.len(),
                self.reserve
            );
            sleep(LOOK).await;
        }
        tokio::try_join!(
            process::rest(self.engine.pid()),
            process::rest(self.at_zero.platform.pid())
        )?;
        Ok(())
    }
}
