//! Instances that wait with their memory, and what they use.

use std::{collections::HashMap, time::Duration};

use bollard::{
    errors::Error,
    models::{ContainerMemoryStats, ContainerStatsResponse},
    query_parameters::StatsOptionsBuilder,
};
use futures::{StreamExt as _, future::try_join_all};
use knative_core::{
    http::Endpoint,
    runtime::{InstanceId, Phase, RuntimeError, StartError, StartPhases, Started, Usage},
};
use tokio::time::Instant;

use crate::{
    engine::{gone, settled, start_gone},
    label::Role,
    member::Held,
    shared::Shared,
};

impl Shared {
    /// Takes the processors from an instance.
    pub(crate) async fn pause(&self, id: &InstanceId) -> Result<(), RuntimeError> {
        let docker = self.engine.docker();
        let mains = self.mains(id)?;
        let paused = mains.iter().map(|held| docker.pause_container(&held.id));
        let paused = try_join_all(paused).await;
        paused
            .map(drop)
            .map_err(|error| gone("pausing a container", error))
    }

    /// Gives them back.
    pub(crate) async fn resume(&self, id: &InstanceId) -> Result<Started, StartError> {
        let began = Instant::now();
        let mains = self.mains(id).map_err(|_| StartError::Stopped)?;
        let member = self.member(id).ok_or(StartError::Stopped)?;
        let docker = self.engine.docker();
        let resumed = mains.iter().map(|held| docker.unpause_container(&held.id));
        let resumed = try_join_all(resumed).await;
        resumed.map_err(|error| start_gone("resuming a container", error))?;
        let endpoint = member.endpoint().ok_or(StartError::Stopped)?;
        let mut phases = StartPhases::new();
        phases.add(Phase::Exec, began.elapsed());
        Ok(Started::new(Endpoint::Tcp(endpoint), phases))
    }

    /// What an instance uses, by the engine's count.
    pub(crate) async fn usage(&self, id: &InstanceId) -> Result<Usage, RuntimeError> {
        let mains = self.mains(id)?;
        let stats = mains.iter().map(|held| self.stats(&held.id));
        let stats = try_join_all(stats).await;
        let stats = stats.map_err(|error| gone("measuring a container", error))?;
        let sum = |usage: Usage, one: &ContainerStatsResponse| Usage {
            memory: usage.memory + one.memory_stats.as_ref().map_or(0, memory),
            cpu: usage.cpu + cpu(one),
        };
        Ok(stats.iter().fold(Usage::default(), sum))
    }

    async fn stats(&self, container: &str) -> Result<ContainerStatsResponse, Error> {
        let options = StatsOptionsBuilder::default()
            .stream(false)
            .one_shot(true)
            .build();
        let mut stats = self.engine.docker().stats(container, Some(options));
        // A container that has ended answers with nothing.
        let first = stats
            .next()
            .await
            .unwrap_or_else(|| Ok(ContainerStatsResponse::default()));
        settled(first)
    }

    fn mains(&self, id: &InstanceId) -> Result<Vec<Held>, RuntimeError> {
        let member = self
            .member(id)
            .ok_or_else(|| RuntimeError::NotFound { id: id.clone() })?;
        let state = member.state.lock();
        let mains = state.containers.iter();
        Ok(mains
            .filter(|held| held.role == Role::Main)
            .cloned()
            .collect())
    }
}

/// Memory without what the system only caches, as `docker stats` shows it on both versions of cgroups.
fn memory(stats: &ContainerMemoryStats) -> u64 {
    let none = HashMap::new();
    let details = stats.stats.as_ref().unwrap_or(&none);
    let cached = details.get("total_inactive_file");
    let cached = cached.or_else(|| details.get("inactive_file")).copied();
    stats
        .usage
        .unwrap_or_default()
        .saturating_sub(cached.unwrap_or_default())
}

fn cpu(stats: &ContainerStatsResponse) -> Duration {
    let usage = stats
        .cpu_stats
        .as_ref()
        .and_then(|cpu| cpu.cpu_usage.as_ref());
    Duration::from_nanos(
        usage
            .and_then(|usage| usage.total_usage)
            .unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_only_cached_does_not_count() {
        let stats = |details: &[(&str, u64)]| ContainerMemoryStats {
            usage: Some(100),
            stats: Some(
                details
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), *value))
                    .collect(),
            ),
            ..ContainerMemoryStats::default()
        };
        assert_eq!(memory(&stats(&[])), 100);
        assert_eq!(
            memory(&stats(&[
                ("total_inactive_file", 30),
                ("inactive_file", 10)
            ])),
            70
        );
        assert_eq!(memory(&stats(&[("inactive_file", 200)])), 0);
    }
}
