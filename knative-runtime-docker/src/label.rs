//! The labels by which what belongs to a platform is found again.

use std::collections::HashMap;

use knative_core::runtime::InstanceId;

/// The platform's name; everything that the runtime makes carries it.
pub(crate) const PLATFORM: &str = "dev.knative.platform";
/// What an object is for: one of [`Role`]'s words.
pub(crate) const ROLE: &str = "dev.knative.role";
/// The instance that it belongs to.
pub(crate) const INSTANCE: &str = "dev.knative.instance";
/// The workload's namespace.
pub(crate) const NAMESPACE: &str = "dev.knative.namespace";
/// The workload's name.
pub(crate) const WORKLOAD: &str = "dev.knative.workload";
/// The container's name within its instance.
pub(crate) const CONTAINER: &str = "dev.knative.container";
/// The port at which an instance takes requests; its serving container carries it.
pub(crate) const PORT: &str = "dev.knative.port";
/// Whether the end of a container's log stands in for its termination message.
pub(crate) const FALL_BACK: &str = "dev.knative.termination-message-from-log";
/// The `PersistentVolumeClaim` that a volume belongs to.
pub(crate) const CLAIM: &str = "dev.knative.claim";
/// Who resolves names for a sandbox; none where the engine does.
pub(crate) const DNS: &str = "dev.knative.dns";
/// Begins the labels of the pod.
pub(crate) const POD: &str = "dev.knative.pod/";

/// What a container is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It holds a network for an instance.
    Sandbox,
    /// It holds an instance's volumes.
    Holder,
    /// It runs to completion before an instance's containers.
    Init,
    /// It is one of an instance's containers.
    Main,
}

impl Role {
    const ALL: [Self; 4] = [Self::Sandbox, Self::Holder, Self::Init, Self::Main];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Holder => "holder",
            Self::Init => "init",
            Self::Main => "main",
        }
    }

    /// What a container's labels say.
    pub(crate) fn of(labels: &HashMap<String, String>) -> Option<Self> {
        let word = labels.get(ROLE)?;
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// A filter for a platform's objects.
pub(crate) fn filter(platform: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![format!("{PLATFORM}={platform}")])])
}

/// The labels of a container of an instance.
pub(crate) fn of_container(
    platform: &str,
    instance: &InstanceId,
    role: Role,
) -> HashMap<String, String> {
    HashMap::from([
        (PLATFORM.to_owned(), platform.to_owned()),
        (INSTANCE.to_owned(), instance.to_string()),
        (ROLE.to_owned(), role.as_str().to_owned()),
    ])
}
