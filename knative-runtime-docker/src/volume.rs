//! Volumes: directories of files on this machine, and volumes of the engine.

use std::{
    collections::HashMap,
    fs::{self, File, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use bollard::models::{
    Mount, MountBindOptions, MountBindOptionsPropagationEnum, MountType, MountVolumeOptions,
    MountVolumeOptionsDriverConfig,
};
use k8s_openapi::api::core::v1::VolumeMount;
use knative_core::runtime::{
    ContainerSpec, InstanceId, InstanceSpec, VolumeFile, VolumeSource, VolumeSpec,
};

use crate::label;

/// The directory of a container's termination messages within its instance's.
const MESSAGES: &str = ".termination";

/// Where instances' files are kept on this machine: the engine mounts them from there.
#[derive(Clone, Debug)]
pub(crate) struct Directories {
    root: PathBuf,
}

impl Directories {
    /// Directories below `root`, which is made.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(root)?;
        // The engine wants absolute paths.
        let root = fs::canonicalize(root)?;
        Ok(Self { root })
    }

    /// Writes the files of an instance's volumes.
    pub(crate) fn write(&self, spec: &InstanceSpec) -> io::Result<()> {
        let instance = self.of(&spec.id);
        make_dir(&instance.join(MESSAGES))?;
        for container in spec.init_containers.iter().chain(&spec.containers) {
            write(&self.message(&spec.id, &container.name), b"", 0o666)?;
        }
        for volume in &spec.volumes {
            match &volume.source {
                VolumeSource::Files(files) => write_all(&instance.join(&volume.name), files)?,
                VolumeSource::Host { path, kind } => make_host(Path::new(path), kind)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes an instance's files away.
    pub(crate) fn remove(&self, instance: &InstanceId) -> io::Result<()> {
        match fs::remove_dir_all(self.of(instance)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The instances that have files here.
    pub(crate) fn instances(&self) -> io::Result<Vec<InstanceId>> {
        let entries = fs::read_dir(&self.root)?;
        let names = entries.map(|entry| Ok(entry?.file_name().into_string().ok()));
        let names: Vec<Option<String>> = names.collect::<io::Result<_>>()?;
        Ok(names.into_iter().flatten().map(InstanceId::new).collect())
    }

    /// What a container wrote about its end.
    pub(crate) fn message(&self, instance: &InstanceId, container: &str) -> PathBuf {
        self.of(instance).join(MESSAGES).join(container)
    }

    fn of(&self, instance: &InstanceId) -> PathBuf {
        self.root.join(instance.as_str())
    }

    /// What a container sees of its instance's volumes.
    pub(crate) fn mounts(
        &self,
        platform: &str,
        spec: &InstanceSpec,
        container: &ContainerSpec,
    ) -> Vec<Mount> {
        let volumes = container.mounts.iter().filter_map(|mount| {
            let volume = spec
                .volumes
                .iter()
                .find(|volume| volume.name == mount.name)?;
            Some(self.mount(platform, spec, volume, mount))
        });
        let message = Mount {
            typ: Some(MountType::BIND),
            source: Some(path(&self.message(&spec.id, &container.name))),
            target: Some(container.termination_message.path.clone()),
            ..Mount::default()
        };
        volumes.chain([message]).collect()
    }

    fn mount(
        &self,
        platform: &str,
        spec: &InstanceSpec,
        volume: &VolumeSpec,
        mount: &VolumeMount,
    ) -> Mount {
        let sub_path = mount.sub_path.as_deref().unwrap_or_default();
        let bind = |source: &Path, read_only: bool| Mount {
            typ: Some(MountType::BIND),
            source: Some(
                path(&source.join(sub_path))
                    .trim_end_matches('/')
                    .to_owned(),
            ),
            read_only: Some(read_only),
            bind_options: propagation(mount),
            ..Mount::default()
        };
        let read_only = mount.read_only.unwrap_or_default();
        let made = match &volume.source {
            VolumeSource::Host { path, .. } => bind(Path::new(path), read_only),
            VolumeSource::Empty { memory, size_limit } => Mount {
                read_only: Some(read_only),
                ..empty(platform, &spec.id, &volume.name, *memory, *size_limit)
            },
            VolumeSource::Claim {
                name,
                read_only: always,
            } => Mount {
                typ: Some(MountType::VOLUME),
                source: Some(claim_name(platform, &spec.workload.namespace, name)),
                read_only: Some(read_only || *always),
                volume_options: Some(MountVolumeOptions {
                    labels: Some(HashMap::from([
                        (label::PLATFORM.to_owned(), platform.to_owned()),
                        (
                            label::NAMESPACE.to_owned(),
                            spec.workload.namespace.to_string(),
                        ),
                        (label::CLAIM.to_owned(), name.clone()),
                    ])),
                    ..MountVolumeOptions::default()
                }),
                ..Mount::default()
            },
            // Files, which nobody writes.
            _ => bind(&self.of(&spec.id).join(&volume.name), true),
        };
        Mount {
            target: Some(mount.mount_path.clone()),
            ..made
        }
    }
}

/// The mounts of the container that holds an instance's empty volumes; none where there are none.
pub(crate) fn held(platform: &str, spec: &InstanceSpec) -> Vec<Mount> {
    let volumes = spec
        .volumes
        .iter()
        .filter_map(|volume| match volume.source {
            VolumeSource::Empty { memory, size_limit } => Some(Mount {
                target: Some(format!("/volumes/{}", volume.name)),
                ..empty(platform, &spec.id, &volume.name, memory, size_limit)
            }),
            _ => None,
        });
    volumes.collect()
}

/// A volume of the engine that lives as long as its instance.
fn empty(
    platform: &str,
    instance: &InstanceId,
    volume: &str,
    memory: bool,
    size_limit: Option<u64>,
) -> Mount {
    let driver = memory.then(|| {
        let size = size_limit.map(|size| ("o".to_owned(), format!("size={size},mode=0777")));
        let of_memory = ["type", "device"].map(|name| (name.to_owned(), "tmpfs".to_owned()));
        MountVolumeOptionsDriverConfig {
            name: Some("local".to_owned()),
            options: Some(of_memory.into_iter().chain(size).collect()),
        }
    });
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(format!("kn-{platform}.{instance}.{volume}")),
        volume_options: Some(MountVolumeOptions {
            labels: Some(HashMap::from([
                (label::PLATFORM.to_owned(), platform.to_owned()),
                (label::INSTANCE.to_owned(), instance.to_string()),
            ])),
            driver_config: driver,
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    }
}

fn claim_name(platform: &str, namespace: &str, claim: &str) -> String {
    format!("kn-{platform}.claim.{namespace}.{claim}")
}

fn propagation(mount: &VolumeMount) -> Option<MountBindOptions> {
    let propagation = match mount.mount_propagation.as_deref()? {
        "HostToContainer" => MountBindOptionsPropagationEnum::RSLAVE,
        _ => return None,
    };
    Some(MountBindOptions {
        propagation: Some(propagation),
        ..MountBindOptions::default()
    })
}

fn make_host(path: &Path, kind: &str) -> io::Result<()> {
    match kind {
        "DirectoryOrCreate" => fs::create_dir_all(path),
        "FileOrCreate" => File::options()
            .create(true)
            .append(true)
            .open(path)
            .map(drop),
        _ => Ok(()),
    }
}

fn write_all(directory: &Path, files: &[VolumeFile]) -> io::Result<()> {
    make_dir(directory)?;
    for file in files {
        let target = directory.join(&file.path);
        if let Some(parent) = target.parent() {
            make_dir(parent)?;
        }
        write(&target, &file.content, file.mode)?;
    }
    Ok(())
}

fn make_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
}

/// Writes a file that a container of another user may read, whatever this process's umask.
fn write(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    fs::write(path, content)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
