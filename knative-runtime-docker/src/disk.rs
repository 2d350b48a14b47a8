//! Whether the engine bounds what a container writes into its own file system.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HostConfig, SystemInfo};
use knative_core::runtime::InstanceId;

use crate::{
    engine::{ConnectError, Engine, status, text},
    infra,
    label::{self, Role},
    sandbox,
};

/// How the refusal of an engine reads whose disk has no quotas.
const NO_QUOTAS: [&str; 2] = ["storage-opt", "quota"];

/// What bounds there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disks {
    /// None.
    Unbounded,
    /// Of what a container writes.
    Bounded,
    /// Of all that its file system shows, its image too.
    BoundedWithImage,
}

impl Disks {
    pub(crate) fn are_bounded(self) -> bool {
        self != Self::Unbounded
    }

    /// Finds out by a container with a bound, which an engine refuses whose own disk has no quotas, and takes it away.
    pub(crate) async fn of(
        engine: &Engine,
        platform: &str,
        image: &str,
    ) -> Result<Self, ConnectError> {
        let failed = |error| engine.unusable(text(&error));
        let found = of_driver(&engine.docker().info().await.map_err(failed)?);
        if !found.are_bounded() {
            return Ok(found);
        }
        let name = sandbox::container_name(platform, &probe(), "sandbox");
        match sandbox::create(engine, &name, body(platform, image)).await {
            Ok(container) => {
                let removed = sandbox::remove(engine, &container).await;
                removed.map_err(failed)?;
                Ok(found)
            }
            Err(error) if status(&error).is_some() && is_about_quotas(&text(&error)) => {
                Ok(Self::Unbounded)
            }
            Err(error) => Err(failed(error)),
        }
    }
}

/// What a driver can do on a disk that has quotas. Others take a bound and forget it, as containerd's do.
fn of_driver(info: &SystemInfo) -> Disks {
    let mut facts = info.driver_status.iter().flatten().flatten();
    if facts.any(|fact| fact.contains("containerd")) {
        return Disks::Unbounded;
    }
    match info.driver.as_deref() {
        Some("overlay" | "overlay2" | "zfs") => Disks::Bounded,
        Some("btrfs") => Disks::BoundedWithImage,
        _ => Disks::Unbounded,
    }
}

fn is_about_quotas(refusal: &str) -> bool {
    NO_QUOTAS.iter().any(|words| refusal.contains(words))
}

fn probe() -> InstanceId {
    InstanceId::new("disk")
}

fn body(platform: &str, image: &str) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: Some(vec![infra::PROGRAM.to_owned()]),
        labels: Some(label::of_container(platform, &probe(), Role::Sandbox)),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            storage_opt: Some(limit(1 << 30)),
            ..sandbox::harmless()
        }),
        ..ContainerCreateBody::default()
    }
}

/// What a container may write, in the engine's words.
pub(crate) fn limit(bytes: i64) -> HashMap<String, String> {
    HashMap::from([("size".to_owned(), bytes.to_string())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_that_forget_a_bound_are_not_asked() {
        let rows = [
            ("overlay2", "Backing Filesystem", Disks::Bounded),
            ("overlay", "Backing Filesystem", Disks::Bounded),
            (
                "overlayfs",
                "io.containerd.snapshotter.v1",
                Disks::Unbounded,
            ),
            ("btrfs", "Build Version", Disks::BoundedWithImage),
            ("btrfs", "io.containerd.snapshotter.v1", Disks::Unbounded),
            ("vfs", "", Disks::Unbounded),
        ];
        for (driver, fact, want) in rows {
            let info = SystemInfo {
                driver: Some(driver.to_owned()),
                driver_status: Some(vec![vec![fact.to_owned()]]),
                ..SystemInfo::default()
            };
            assert_eq!(of_driver(&info), want, "{driver} {fact}");
        }
    }

    #[test]
    fn what_an_engine_without_quotas_says_is_told_from_a_failure() {
        let refusal =
            "--storage-opt is supported only for overlay over xfs with 'pquota' mount option";
        assert!(is_about_quotas(refusal));
        assert!(!is_about_quotas(
            "write /var/lib/docker/x: no space left on device"
        ));
    }
}
