//! The end of an instance: asked, then killed, then gone with all that it had.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bollard::{
    errors::Error,
    query_parameters::{
        ListVolumesOptionsBuilder, RemoveVolumeOptions, StopContainerOptionsBuilder,
    },
};
use futures::future::join_all;
use knative_core::runtime::{InstanceId, RuntimeError};
use tokio::task::spawn_blocking;

use crate::{
    engine::{gone, settled, text},
    label::{self, Role},
    member::{Held, Member},
    sandbox,
    shared::Shared,
};

/// How much longer than the grace period the engine may take to answer.
const MARGIN: Duration = Duration::from_secs(30);

impl Shared {
    /// Asks an instance to end, ends it after `grace`, and removes all of it.
    pub(crate) async fn stop(
        &self,
        member: &Arc<Member>,
        grace: Duration,
    ) -> Result<(), RuntimeError> {
        member.stop.cancel();
        let _turn = member.turn.lock().await;
        if !self.is_current(member) {
            return Ok(());
        }
        let running = member.state.lock().containers.clone();
        let asked = running
            .iter()
            .filter(|held| matches!(held.role, Role::Main | Role::Init))
            .map(|held| self.ask_to_end(held, grace));
        let asked: Result<Vec<()>, Error> = join_all(asked).await.into_iter().collect();
        asked.map_err(|error| gone("stopping a container", error))?;
        self.remove(member)
            .await
            .map_err(|error| gone("removing a container", error))
    }

    /// Removes what a start left that failed.
    pub(crate) async fn clear(&self, member: &Arc<Member>) {
        member.stop.cancel();
        let _turn = member.turn.lock().await;
        // Its name may be another one's by now, and with it all that is found by the name.
        if self.is_current(member)
            && let Err(error) = self.remove(member).await
        {
            // It is listed, and so found again.
            tracing::warn!(instance = %member.id, error = %text(&error), "a failed start could not be removed");
        }
    }

    pub(crate) async fn ask_to_end(&self, held: &Held, grace: Duration) -> Result<(), Error> {
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        let docker = self.engine.docker().clone().with_timeout(grace + MARGIN);
        settled(docker.stop_container(&held.id, Some(options)).await)
    }

    /// Removes containers, volumes and files; the sandbox last, so that an instance is found as long as it has anything.
    async fn remove(&self, member: &Arc<Member>) -> Result<(), Error> {
        let held = member.state.lock().containers.clone();
        let (last, first): (Vec<Held>, Vec<Held>) = held
            .into_iter()
            .partition(|held| held.role == Role::Sandbox);
        let volumes = first.iter().any(|held| held.role == Role::Holder);
        let volumes = volumes || member.has_volumes.load(Ordering::Relaxed);
        for group in [first, last] {
            let removed = group
                .iter()
                .map(|held| sandbox::remove(&self.engine, &held.id));
            join_all(removed)
                .await
                .into_iter()
                .collect::<Result<Vec<()>, _>>()?;
        }
        if volumes {
            self.remove_volumes(member).await?;
        }
        let (directories, id) = (self.directories.clone(), member.id.clone());
        let removed = spawn_blocking(move || directories.remove(&id)).await;
        if let Ok(Err(error)) = removed {
            tracing::warn!(instance = %member.id, %error, "files of volumes could not be removed");
        }
        self.forget(member);
        Ok(())
    }

    async fn remove_volumes(&self, member: &Member) -> Result<(), Error> {
        let own = self.volumes(|instance| *instance == member.id).await?;
        self.remove_all_volumes(own).await
    }

    /// Removes the volumes of instances that are not known.
    pub(crate) async fn remove_volumes_but(
        &self,
        known: &HashSet<InstanceId>,
    ) -> Result<(), Error> {
        let strays = self.volumes(|instance| !known.contains(instance)).await?;
        self.remove_all_volumes(strays).await
    }

    async fn remove_all_volumes(&self, names: Vec<String>) -> Result<(), Error> {
        for name in names {
            settled(
                self.engine
                    .docker()
                    .remove_volume(&name, None::<RemoveVolumeOptions>)
                    .await,
            )?;
        }
        Ok(())
    }

    /// The volumes that live as long as an instance does, of those instances that are `wanted`. Claims are none of them.
    async fn volumes(&self, wanted: impl Fn(&InstanceId) -> bool) -> Result<Vec<String>, Error> {
        let filter = label::filter(&self.platform);
        let options = ListVolumesOptionsBuilder::default()
            .filters(&filter)
            .build();
        let listed = self.engine.docker().list_volumes(Some(options)).await?;
        let all = listed.volumes.into_iter().flatten();
        let of_wanted = all.filter(|volume| {
            let instance = volume.labels.get(label::INSTANCE);
            instance.is_some_and(|instance| wanted(&InstanceId::new(instance.as_str())))
        });
        Ok(of_wanted.map(|volume| volume.name).collect())
    }
}
