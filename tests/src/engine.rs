//! The engine of the tests, as tests look at it and fill it with images.

use std::{collections::HashMap, fs, io, path::Path};

use bollard::{
    Docker,
    models::{ContainerSummary, ContainerSummaryStateEnum},
    query_parameters::{
        ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
        RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder, RemoveVolumeOptions,
    },
};
use futures::TryStreamExt as _;
use tokio::runtime::Runtime;

use crate::image::{self, Start};

/// The label by which the engine's objects name their platform.
const PLATFORM: &str = "dev.knative.platform";
/// The label that says what a container is for.
const ROLE: &str = "dev.knative.role";
/// Where Debian's `busybox-static` has it.
const BUSYBOX: &str = "/bin/busybox";
/// What shell scripts of tests call.
const APPLETS: [&str; 12] = [
    "sh", "cat", "dd", "head", "id", "ln", "mkdir", "setsid", "sleep", "touch", "tr", "wget",
];

/// An engine that answers when it is asked; for tests that are not asynchronous themselves.
#[derive(Debug)]
pub struct Engine {
    docker: Docker,
    runtime: Runtime,
}

fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::other(error)
}

impl Engine {
    /// The engine at an address.
    ///
    /// # Errors
    /// The address is none.
    pub fn connect(host: &str) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Self {
            docker: Docker::connect_with_host(host).map_err(other)?,
            runtime,
        })
    }

    /// Whether it answers.
    pub fn answers(&self) -> bool {
        self.runtime.block_on(self.docker.ping()).is_ok()
    }

    /// The containers of a platform's instances that run.
    ///
    /// # Errors
    /// The engine's.
    pub fn running(&self, platform: &str) -> io::Result<Vec<String>> {
        let all = self.containers(platform)?;
        let running = all.into_iter().filter(|container| {
            let role = container
                .labels
                .as_ref()
                .and_then(|labels| labels.get(ROLE));
            role.is_some_and(|role| role == "main")
                && container.state == Some(ContainerSummaryStateEnum::RUNNING)
        });
        Ok(running.filter_map(|container| container.id).collect())
    }

    /// All that the engine has of a platform: containers, networks, volumes.
    ///
    /// # Errors
    /// The engine's.
    pub fn objects(&self, platform: &str) -> io::Result<Vec<String>> {
        let filter = filter(platform);
        let containers = self.containers(platform)?;
        let mut found: Vec<String> = containers
            .into_iter()
            .flat_map(|container| container.names.into_iter().flatten())
            .collect();
        let networks = ListNetworksOptionsBuilder::default()
            .filters(&filter)
            .build();
        let networks = self
            .runtime
            .block_on(self.docker.list_networks(Some(networks)));
        found.extend(
            networks
                .map_err(other)?
                .into_iter()
                .filter_map(|network| network.name),
        );
        let volumes = ListVolumesOptionsBuilder::default()
            .filters(&filter)
            .build();
        let volumes = self
            .runtime
            .block_on(self.docker.list_volumes(Some(volumes)));
        found.extend(
            volumes
                .map_err(other)?
                .volumes
                .into_iter()
                .flatten()
                .map(|volume| volume.name),
        );
        Ok(found)
    }

    /// Takes away all that the engine has of a platform.
    ///
    /// # Errors
    /// The engine's.
    pub fn remove_objects(&self, platform: &str) -> io::Result<()> {
        for container in self.containers(platform)? {
            let options = RemoveContainerOptionsBuilder::default()
                .force(true)
                .v(true)
                .build();
            let removed = self
                .docker
                .remove_container(container.id.as_deref().unwrap_or_default(), Some(options));
            // It may go by itself meanwhile.
            let _ = self.runtime.block_on(removed);
        }
        let filter = filter(platform);
        let networks = ListNetworksOptionsBuilder::default()
            .filters(&filter)
            .build();
        let networks = self
            .runtime
            .block_on(self.docker.list_networks(Some(networks)));
        for network in networks.map_err(other)? {
            let removed = self
                .docker
                .remove_network(network.name.as_deref().unwrap_or_default());
            self.runtime.block_on(removed).map_err(other)?;
        }
        let volumes = ListVolumesOptionsBuilder::default()
            .filters(&filter)
            .build();
        let volumes = self
            .runtime
            .block_on(self.docker.list_volumes(Some(volumes)));
        for volume in volumes.map_err(other)?.volumes.into_iter().flatten() {
            let removed = self
                .docker
                .remove_volume(&volume.name, None::<RemoveVolumeOptions>);
            self.runtime.block_on(removed).map_err(other)?;
        }
        Ok(())
    }

    /// Makes an image of a program, as `/program`, and a shell.
    ///
    /// # Errors
    /// The engine's; there is no busybox.
    pub fn make_image(&self, reference: &str, program: &[u8], start: &Start) -> io::Result<()> {
        let layer = files(program)?;
        let loaded = image::load(&self.docker, reference, &layer, start);
        self.runtime.block_on(loaded)
    }

    /// Writes an image to an archive.
    ///
    /// # Errors
    /// The engine's.
    pub fn save_image(&self, reference: &str, path: &Path) -> io::Result<()> {
        let chunks = self.docker.export_image(reference).try_collect::<Vec<_>>();
        let chunks = self.runtime.block_on(chunks).map_err(other)?;
        fs::write(path, chunks.concat())
    }

    /// Forgets an image.
    ///
    /// # Errors
    /// The engine's.
    pub fn remove_image(&self, reference: &str) -> io::Result<()> {
        let options = RemoveImageOptionsBuilder::default().force(true).build();
        let removed = self.docker.remove_image(reference, Some(options), None);
        self.runtime.block_on(removed).map(drop).map_err(other)
    }

    fn containers(&self, platform: &str) -> io::Result<Vec<ContainerSummary>> {
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filter(platform))
            .build();
        let listed = self.docker.list_containers(Some(options));
        self.runtime.block_on(listed).map_err(other)
    }
}

fn filter(platform: &str) -> HashMap<&'static str, Vec<String>> {
    HashMap::from([("label", vec![format!("{PLATFORM}={platform}")])])
}

fn files(program: &[u8]) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let busybox = fs::read(BUSYBOX).map_err(|error| {
        other(format!(
            "{BUSYBOX}, of Debian's package busybox-static: {error}"
        ))
    })?;
    image::add(&mut archive, "program", 0o755, program)?;
    image::add(&mut archive, "bin/busybox", 0o755, &busybox)?;
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_size(0);
    header.set_mode(0o1777);
    archive.append_data(&mut header, "tmp/", io::empty())?;
    for applet in APPLETS {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        archive.append_link(&mut header, format!("bin/{applet}"), "busybox")?;
    }
    archive.into_inner()
}
