//! What a backend is given to start: an instance whose references are resolved.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::api::core::v1::{
    HostAlias, PodSecurityContext, ResourceRequirements, SecurityContext, VolumeMount,
};

use super::{InstanceId, PullSecret, WorkloadId};

/// A port that a container declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortSpec {
    /// Its name, as `user-port`; may be empty.
    pub name: String,
    /// The number that the workload declares; a backend on the host's network gives another one and says so in `PORT`.
    pub port: u16,
}

/// When an image is fetched from its registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// Before every start.
    Always,
    /// Where it is not there yet.
    #[default]
    IfNotPresent,
    /// Not at all.
    Never,
}

/// Where a container says why it ended, as `terminationMessagePath` and `terminationMessagePolicy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminationMessage {
    /// The file that it may write. Default `/dev/termination-log`.
    pub path: String,
    /// Whether the end of its log stands in for an empty file after a failure.
    pub fall_back_to_log: bool,
}

impl Default for TerminationMessage {
    fn default() -> Self {
        Self {
            path: "/dev/termination-log".to_owned(),
            fall_back_to_log: false,
        }
    }
}

/// A file of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeFile {
    /// Its path within the volume: relative, without `..`.
    pub path: String,
    /// Its content.
    pub content: Vec<u8>,
    /// Its mode, as 0o644.
    pub mode: u32,
}

/// What a volume holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VolumeSource {
    /// These files, for reading: a configMap, secret, downwardAPI or projected volume.
    Files(Vec<VolumeFile>),
    /// Nothing at first; it lives as long as its instance.
    Empty {
        /// Whether it is kept in memory.
        memory: bool,
        /// At most so many bytes.
        size_limit: Option<u64>,
    },
    /// A directory or file of the machine.
    Host {
        /// Its absolute path.
        path: String,
        /// What is expected there, as `DirectoryOrCreate`; anything if empty.
        kind: String,
    },
    /// The volume of a `PersistentVolumeClaim`, which outlives its instances.
    Claim {
        /// The claim's name.
        name: String,
        /// Whether it is only read.
        read_only: bool,
    },
}

/// A volume of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeSpec {
    /// Its name within the instance.
    pub name: String,
    /// What it holds.
    pub source: VolumeSource,
}

/// A container whose references are resolved.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ContainerSpec {
    /// Its name within the instance.
    pub name: String,
    /// The image, as the template names it (a digest where one was resolved).
    pub image: String,
    /// When the image is fetched.
    pub pull_policy: PullPolicy,
    /// Replaces the image's entrypoint unless empty; `$(VAR)` expanded.
    pub command: Vec<String>,
    /// Replaces the image's arguments unless empty; `$(VAR)` expanded.
    pub args: Vec<String>,
    /// The working directory; the image's if `None`.
    pub working_dir: Option<String>,
    /// Variables in the order of the template, `$(VAR)` expanded. A backend that picks ports itself replaces `PORT`.
    pub env: Vec<(String, String)>,
    /// Declared ports.
    pub ports: Vec<PortSpec>,
    /// Requests and limits.
    pub resources: ResourceRequirements,
    /// Restrictions.
    pub security_context: Option<SecurityContext>,
    /// Which volumes it sees where. `subPath` is relative, without `..`.
    pub mounts: Vec<VolumeMount>,
    /// Where it says why it ended.
    pub termination_message: TerminationMessage,
}

/// All that a backend needs to start one instance.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct InstanceSpec {
    /// Its id, which is also its pod's name.
    pub id: InstanceId,
    /// What it belongs to.
    pub workload: WorkloadId,
    /// Labels of its pod; a backend keeps them with the instance so that
    /// [`InstanceRuntime::list`](super::InstanceRuntime::list) can give them back.
    pub labels: BTreeMap<String, String>,
    /// Containers that run to completion first, in order.
    pub init_containers: Vec<ContainerSpec>,
    /// Its containers; the first that declares a port serves requests.
    pub containers: Vec<ContainerSpec>,
    /// Its volumes; containers name them in their mounts.
    pub volumes: Vec<VolumeSpec>,
    /// Restrictions of all its containers; a container's own go before.
    pub security_context: Option<PodSecurityContext>,
    /// Further lines of `/etc/hosts`.
    pub host_aliases: Vec<HostAlias>,
    /// Credentials for the registries of its images.
    pub pull_secrets: Vec<PullSecret>,
    /// How long it may take until it accepts connections.
    pub start_timeout: Duration,
}

impl InstanceSpec {
    /// An instance of one container.
    pub fn new(id: InstanceId, workload: WorkloadId, container: ContainerSpec) -> Self {
        Self {
            id,
            workload,
            labels: BTreeMap::new(),
            init_containers: Vec::new(),
            containers: vec![container],
            volumes: Vec::new(),
            security_context: None,
            host_aliases: Vec::new(),
            pull_secrets: Vec::new(),
            start_timeout: Duration::from_secs(600),
        }
    }

    /// The container that serves requests: the first with a port, else the first.
    pub fn serving(&self) -> Option<&ContainerSpec> {
        let with_port = self
            .containers
            .iter()
            .find(|container| !container.ports.is_empty());
        with_port.or_else(|| self.containers.first())
    }
}
