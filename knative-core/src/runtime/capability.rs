//! What a backend can do.

use std::fmt;

use k8s_openapi::api::core::v1::PodTemplateSpec;

/// A field that a backend cannot honour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// The field's path below the pod template, as `spec.containers[1]`.
    pub field: String,
    /// Why, as a sentence's end: "this runtime starts one container per instance".
    pub reason: String,
    /// Whether the workload runs nevertheless, without the field's effect: then users are warned instead of refused.
    pub ignored: bool,
}

impl Unsupported {
    /// A field that makes the workload impossible here.
    pub fn refused(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
            ignored: false,
        }
    }

    /// A field that has no effect here.
    pub fn ignored(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
            ignored: true,
        }
    }

    /// Refuses what a pod has beside one container: others, init containers and volumes.
    pub fn beside_one_container(template: &PodTemplateSpec, reason: &str) -> Vec<Self> {
        let Some(spec) = &template.spec else {
            return Vec::new();
        };
        let present = [
            ("spec.containers", spec.containers.len() > 1),
            (
                "spec.initContainers",
                spec.init_containers.iter().flatten().next().is_some(),
            ),
            (
                "spec.volumes",
                spec.volumes.iter().flatten().next().is_some(),
            ),
        ];
        let refused = present.into_iter().filter(|(_, is_present)| *is_present);
        refused
            .map(|(field, _)| Self::refused(field, reason))
            .collect()
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.reason)
    }
}

/// How far an instance is kept from the rest of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Isolation {
    /// Code in the platform's own process.
    #[default]
    None,
    /// A process of the same user on the host's network.
    Process,
    /// A container.
    Container,
}

impl Isolation {
    /// The word that status and tables show.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Process => "process",
            Self::Container => "container",
        }
    }
}

/// What a backend can do at all. Selects the conformance kit's cases; whether one workload fits is asked of
/// [`WorkloadRuntime::check`](super::WorkloadRuntime::check).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a list of independent abilities"
)]
#[non_exhaustive]
pub struct Capabilities {
    /// Instances outlive a crash of the platform and can be adopted.
    pub adoption: bool,
    /// Instances have a log.
    pub logs: bool,
    /// Instances have processes of their own, so that exits, signals and leaked children mean something.
    pub processes: bool,
    /// A command can be run inside an instance.
    pub exec: bool,
    /// An instance may have several containers, and some that run before.
    pub sidecars: bool,
    /// Containers see volumes.
    pub volumes: bool,
    /// A container that ends is started again in its instance, beside others that go on.
    pub restart: bool,
    /// Instances can be kept in reserve: made but not started, or paused. What processes use is measured then.
    pub standby: bool,
    /// Memory limits are enforced.
    pub memory_limit: bool,
    /// How far instances are kept apart.
    pub isolation: Isolation,
}
