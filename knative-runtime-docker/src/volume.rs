//! Volumes: directories of files on this machine, and volumes of the engine.

use std::{
    fmt::Write as _,
    fs::{self, File, Permissions},
    io,
    net::Ipv4Addr,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown},
    path::{Component, Path, PathBuf},
};

use bollard::models::{Mount, MountBindOptions, MountBindOptionsPropagationEnum, MountType};
use k8s_openapi::api::core::v1::VolumeMount;
use knative_core::runtime::{
    ContainerSpec, InstanceId, InstanceSpec, VolumeFile, VolumeSource, VolumeSpec,
};

use crate::{control, sandbox};

pub(crate) mod of_engine;

/// The directory of what instances have.
const INSTANCES: &str = "instances";
/// The directory of a container's termination messages within its instance's.
const MESSAGES: &str = ".termination";
/// The directory of what containers printed before they were started again.
const PREVIOUS: &str = ".previous";
/// The file of an instance's own names.
const HOSTS: &str = ".hosts";
/// Where an engine listens on its own machine, unless it is told otherwise.
const SOCKET: &str = "/var/run/docker.sock";

/// Where instances' files are kept on this machine: the engine mounts them from there.
#[derive(Clone, Debug)]
pub(crate) struct Directories {
    root: PathBuf,
    /// The engine's socket by its true path, which no container may see.
    socket: PathBuf,
}

impl Directories {
    /// Directories below `dir`, which is made. No container sees `socket`, by default the one where an engine that is
    /// called over TCP listens too.
    pub(crate) fn open(dir: &Path, socket: Option<PathBuf>) -> io::Result<Self> {
        // What nobody knows in it is taken away: it is no directory that somebody else may use.
        let root = dir.join(INSTANCES);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&root)?;
        // The engine wants absolute paths.
        let root = fs::canonicalize(root)?;
        let default = || fs::canonicalize(SOCKET).unwrap_or_else(|_| SOCKET.into());
        Ok(Self {
            root,
            socket: socket.unwrap_or_else(default),
        })
    }

    /// The engine's socket.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Writes the files of an instance, whose address is known where it has `hostAliases`.
    pub(crate) fn write(&self, spec: &InstanceSpec, address: Option<Ipv4Addr>) -> io::Result<()> {
        names_are_parts(spec)?;
        let instance = self.of(&spec.id);
        make_dir(&instance.join(MESSAGES))?;
        if !spec.host_aliases.is_empty() {
            let hosts = hosts(spec, address);
            write(&instance.join(HOSTS), hosts.as_bytes(), 0o644)?;
        }
        for container in spec.init_containers.iter().chain(&spec.containers) {
            write(&self.message(&spec.id, &container.name), b"", 0o666)?;
        }
        let group = spec.security_context.as_ref();
        let group = group.and_then(|context| u32::try_from(context.fs_group?).ok());
        for volume in &spec.volumes {
            match &volume.source {
                VolumeSource::Files(files) => {
                    write_all(&instance.join(&volume.name), files, group)?;
                }
                VolumeSource::Host { path, kind } => {
                    self.make_host(Path::new(path), kind)?;
                    self.keep_within(Path::new(path), &volume.name, spec)?;
                }
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

    /// What a container printed before it was started again.
    pub(crate) fn previous_log(&self, instance: &InstanceId, container: &str) -> PathBuf {
        self.of(instance).join(PREVIOUS).join(container)
    }

    /// Gets ready for a container that is started again: what it said about its end is of the run before.
    pub(crate) fn renew(&self, instance: &InstanceId, container: &str) -> io::Result<()> {
        make_dir(&self.of(instance).join(PREVIOUS))?;
        write(&self.message(instance, container), b"", 0o666)
    }

    /// Makes what is asked for of this machine; a link may lead to what no container may see.
    fn make_host(&self, path: &Path, kind: &str) -> io::Result<()> {
        match kind {
            "DirectoryOrCreate" => fs::create_dir_all(path)?,
            "FileOrCreate" => drop(File::options().create(true).append(true).open(path)?),
            _ => {}
        }
        self.hide_socket(&path.canonicalize()?)
    }

    /// Refuses parts of this machine's directory that a link leads out of it.
    fn keep_within(&self, path: &Path, volume: &str, spec: &InstanceSpec) -> io::Result<()> {
        let whole = path.canonicalize()?;
        let containers = spec.init_containers.iter().chain(&spec.containers);
        let mounts = containers.flat_map(|container| &container.mounts);
        let parts = mounts.filter(|mount| mount.name == volume);
        for part in parts.filter_map(|mount| mount.sub_path.as_deref()) {
            let true_path = path.join(part).canonicalize()?;
            if !true_path.starts_with(&whole) {
                return Err(denied(format!("subPath {part:?} leaves its volume")));
            }
            self.hide_socket(&true_path)?;
        }
        Ok(())
    }

    fn hide_socket(&self, shown: &Path) -> io::Result<()> {
        if control::is_shown(shown, &self.socket) {
            return Err(denied(format!(
                "{} shows the engine's socket, which no container may see",
                shown.display()
            )));
        }
        Ok(())
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
        let hosts = (!spec.host_aliases.is_empty()).then(|| Mount {
            typ: Some(MountType::BIND),
            source: Some(path(&self.of(&spec.id).join(HOSTS))),
            target: Some("/etc/hosts".to_owned()),
            ..Mount::default()
        });
        volumes.chain([message]).chain(hosts).collect()
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
            source => match of_engine::name(platform, spec, volume) {
                Some(name) => Mount {
                    read_only: Some(read_only || is_read_only(source)),
                    ..of_engine::mount(name)
                },
                // Files, which nobody writes.
                None => bind(&self.of(&spec.id).join(&volume.name), true),
            },
        };
        Mount {
            target: Some(mount.mount_path.clone()),
            ..made
        }
    }
}

/// Whoever starts instances may name what is in them; a name must not lead elsewhere.
fn names_are_parts(spec: &InstanceSpec) -> io::Result<()> {
    let containers = spec.init_containers.iter().chain(&spec.containers);
    let names = containers.map(|container| &container.name);
    let mut names = names.chain(spec.volumes.iter().map(|volume| &volume.name));
    let is_part = |name: &str| {
        let mut parts = Path::new(name).components();
        matches!(parts.next(), Some(Component::Normal(part)) if part == name)
    };
    match names.find(|name| !is_part(name)) {
        Some(name) => Err(denied(format!(
            "{name:?} is no name of a container or volume"
        ))),
        None => Ok(()),
    }
}

fn is_read_only(source: &VolumeSource) -> bool {
    matches!(
        source,
        VolumeSource::Claim {
            read_only: true,
            ..
        }
    )
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

/// What a kubelet writes into `/etc/hosts`.
fn hosts(spec: &InstanceSpec, address: Option<Ipv4Addr>) -> String {
    let mut hosts =
        String::from("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    let own = address.map(|address| (address.to_string(), sandbox::host_name(&spec.id)));
    let aliases = spec.host_aliases.iter();
    let aliases = aliases.map(|alias| {
        (
            alias.ip.clone(),
            alias
                .hostnames
                .iter()
                .flatten()
                .cloned()
                .collect::<Vec<_>>()
                .join("\t"),
        )
    });
    for (address, names) in own.into_iter().chain(aliases) {
        // Writing to a String cannot fail.
        let _ = writeln!(hosts, "{address}\t{names}");
    }
    hosts
}

fn write_all(directory: &Path, files: &[VolumeFile], group: Option<u32>) -> io::Result<()> {
    make_dir(directory)?;
    for file in files {
        let target = directory.join(&file.path);
        if let Some(parent) = target.parent() {
            make_dir(parent)?;
        }
        write(&target, &file.content, file.mode)?;
        if let Some(group) = group {
            give(&target, file.mode, group)?;
        }
    }
    Ok(())
}

/// Lets the pod's `fsGroup` read a file. As with a kubelet, a group that this process may not give is no failure.
fn give(file: &Path, mode: u32, group: u32) -> io::Result<()> {
    if let Err(error) = chown(file, None, Some(group)) {
        tracing::warn!(file = %file.display(), group, %error, "the file keeps its group");
        return Ok(());
    }
    fs::set_permissions(file, Permissions::from_mode(mode | 0o440))
}

fn denied(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, message)
}

/// Makes a directory that a container of another user may enter, whatever this process's umask, and those above it.
fn make_dir(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(0o755)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_dir(path.parent().ok_or(error)?)?;
            make_dir(path)
        }
        Err(error) => Err(error),
    }
}

/// Writes a file that a container of another user may read, whatever this process's umask.
fn write(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    fs::write(path, content)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use k8s_openapi::api::core::v1::{HostAlias, PodSecurityContext};
    use knative_core::runtime::WorkloadId;

    use super::*;

    fn spec() -> InstanceSpec {
        let id = InstanceId::new("pod-a");
        let workload = WorkloadId::new("default", "w");
        let mut container = ContainerSpec::default();
        container.name = "user-container".to_owned();
        InstanceSpec::new(id, workload, container)
    }

    #[test]
    fn own_names_and_aliases_are_hosts() {
        let mut spec = spec();
        spec.host_aliases = vec![HostAlias {
            ip: "10.0.0.9".to_owned(),
            hostnames: Some(vec!["db".to_owned(), "db.local".to_owned()]),
        }];
        let text = hosts(&spec, Some(Ipv4Addr::new(172, 18, 0, 2)));
        assert!(
            text.ends_with("172.18.0.2\tpod-a\n10.0.0.9\tdb\tdb.local\n"),
            "{text}"
        );
    }

    #[test]
    fn files_are_there_for_as_long_as_their_instance_and_for_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let directories = Directories::open(&dir.path().join("files"), None).unwrap();
        let mut spec = spec();
        spec.volumes = vec![VolumeSpec {
            name: "keys".to_owned(),
            source: VolumeSource::Files(vec![VolumeFile {
                path: "tls/key".to_owned(),
                content: b"secret".to_vec(),
                mode: 0o400,
            }]),
        }];
        directories.write(&spec, None).unwrap();
        let root = fs::metadata(dir.path().join("files/instances")).unwrap();
        assert_eq!(root.permissions().mode() & 0o777, 0o700);
        let key = dir.path().join("files/instances/pod-a/keys/tls/key");
        assert_eq!(fs::read(&key).unwrap(), b"secret");
        assert_eq!(directories.instances().unwrap(), [spec.id.clone()]);
        directories.remove(&spec.id).unwrap();
        directories.remove(&spec.id).unwrap();
        assert!(directories.instances().unwrap().is_empty());
    }

    #[test]
    fn names_do_not_lead_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let directories = Directories::open(&dir.path().join("files"), None).unwrap();
        let victim = dir.path().join("victim");
        fs::write(&victim, "kept").unwrap();
        let absolute = victim.to_string_lossy().into_owned();
        for name in [absolute.as_str(), "../../../victim", "..", ".", "", "a/b"] {
            let mut spec = spec();
            spec.containers[0].name = name.to_owned();
            let refused = directories.write(&spec, None).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied, "{name}");
        }
        assert_eq!(fs::read_to_string(victim).unwrap(), "kept");
    }

    #[test]
    fn the_pods_group_may_read_its_files() {
        let dir = tempfile::tempdir().unwrap();
        let directories = Directories::open(dir.path(), None).unwrap();
        // A group that any user may give.
        let group = fs::metadata(dir.path()).unwrap().gid();
        let mut spec = spec();
        spec.security_context = Some(PodSecurityContext {
            fs_group: Some(i64::from(group)),
            ..PodSecurityContext::default()
        });
        spec.volumes = vec![VolumeSpec {
            name: "keys".to_owned(),
            source: VolumeSource::Files(vec![VolumeFile {
                path: "key".to_owned(),
                content: b"secret".to_vec(),
                mode: 0o400,
            }]),
        }];
        directories.write(&spec, None).unwrap();
        let key = fs::metadata(dir.path().join("instances/pod-a/keys/key")).unwrap();
        assert_eq!((key.gid(), key.mode() & 0o777), (group, 0o440));
    }

    #[test]
    fn no_part_of_a_volume_leaves_it_or_shows_the_engines_socket() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let volume = root.join("volume");
        fs::create_dir_all(volume.join("inner")).unwrap();
        fs::create_dir(volume.join("run")).unwrap();
        fs::create_dir(root.join("outside")).unwrap();
        symlink(root.join("outside"), volume.join("link")).unwrap();
        symlink("inner", volume.join("same")).unwrap();
        let socket = volume.join("inner/engine.sock");
        let rows = [
            (volume.join("other.sock"), "run", None),
            (root.join("away.sock"), "same", None),
            (root.join("away.sock"), "link", Some("leaves its volume")),
            (socket, "same", Some("engine's socket")),
        ];
        for (socket, part, refused) in rows {
            let directories = Directories {
                root: root.join("files"),
                socket: socket.clone(),
            };
            let mut spec = spec();
            spec.containers[0].mounts = vec![VolumeMount {
                name: "v".to_owned(),
                mount_path: "/v".to_owned(),
                sub_path: Some(part.to_owned()),
                ..VolumeMount::default()
            }];
            let kept = directories.keep_within(&volume, "v", &spec);
            let said = kept.map_err(|error| (error.kind(), error.to_string()));
            match (said, refused) {
                (Ok(()), None) => {}
                (Err((io::ErrorKind::PermissionDenied, said)), Some(words)) => {
                    assert!(said.contains(words), "{part} {socket:?}: {said}");
                }
                other => panic!("{part} {socket:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn volumes_of_the_engine_hide_what_the_image_has_there() {
        let directories = Directories {
            root: PathBuf::from("/files"),
            socket: PathBuf::from(SOCKET),
        };
        let mut spec = spec();
        let sources = [
            VolumeSource::Empty {
                memory: false,
                size_limit: None,
            },
            VolumeSource::Claim {
                name: "c".to_owned(),
                read_only: false,
            },
        ];
        for source in sources {
            spec.volumes = vec![VolumeSpec {
                name: "v".to_owned(),
                source,
            }];
            spec.containers[0].mounts = vec![VolumeMount {
                name: "v".to_owned(),
                mount_path: "/v".to_owned(),
                ..VolumeMount::default()
            }];
            let mounts = directories.mounts("p", &spec, &spec.containers[0]);
            let options = mounts[0].volume_options.as_ref();
            assert_eq!(options.and_then(|options| options.no_copy), Some(true));
        }
    }
}
