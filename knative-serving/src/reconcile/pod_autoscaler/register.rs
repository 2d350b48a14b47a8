//! Which Revisions the gateway and the scaler know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use knative_core::object::ObjectExt as _;
use knative_core::runtime::WorkloadId;
use knative_core::store::NamespacedName;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::api::Revision;
use crate::api::autoscaling::PodAutoscaler;
use crate::autoscaler::bounds::{Bounds, progress_deadline};
use crate::autoscaler::run::{ScaleStatus, ScaleTarget, ScalerHandle};
use crate::config::Config;
use crate::gateway::{GatewayHandle, Protocol, RevisionConfig, RevisionKey};
use crate::projection::Workloads;
use crate::reconcile::revision::template;
use crate::traffic;

/// What a Revision is handed over with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Register<'a> {
    pub(super) scaler: &'a PodAutoscaler,
    pub(super) revision: &'a Revision,
    pub(super) bounds: &'a Bounds,
    pub(super) config: &'a Config,
}

/// Hands Revisions over, each again only when something about it changed.
#[derive(Debug)]
pub(crate) struct Registry {
    gateway: GatewayHandle,
    scaler: ScalerHandle,
    workloads: Arc<Workloads>,
    /// Where processes reach other services.
    address: Option<String>,
    known: Mutex<BTreeMap<NamespacedName, Known>>,
    /// Workloads that serve nobody any more.
    ending: Mutex<BTreeMap<WorkloadId, RevisionKey>>,
    /// What existed when the platform began and was not handed over yet; `None` before that is known.
    pending: watch::Sender<Option<BTreeSet<NamespacedName>>>,
}

#[derive(Debug)]
struct Known {
    /// Of the Revision: one that is deleted and made again has the same name.
    uid: String,
    target: ScaleTarget,
    config: RevisionConfig,
}

impl Registry {
    pub(crate) fn new(
        gateway: GatewayHandle,
        scaler: ScalerHandle,
        workloads: Arc<Workloads>,
        address: Option<String>,
    ) -> Self {
        Self {
            gateway,
            scaler,
            workloads,
            address,
            known: Mutex::default(),
            ending: Mutex::default(),
            pending: watch::Sender::new(None),
        }
    }

    /// What is known from an earlier run of the platform and has to be handed over first.
    pub(crate) fn expect(&self, names: BTreeSet<NamespacedName>) {
        self.pending.send_replace(Some(names));
    }

    /// Answers once everything that was expected is handed over.
    pub(crate) async fn complete(&self) {
        let mut pending = self.pending.subscribe();
        let done = |pending: &Option<BTreeSet<_>>| pending.as_ref().is_some_and(BTreeSet::is_empty);
        // The sender lives as long as `self`.
        let _ = pending.wait_for(done).await;
    }

    /// How the scale of a Revision stands.
    pub(crate) fn scale(&self, name: &NamespacedName) -> Option<Arc<ScaleStatus>> {
        self.scaler.status(&key(name))
    }

    /// What the instances of a Revision are made of.
    pub(crate) fn template(&self, name: &NamespacedName) -> Option<Arc<PodTemplateSpec>> {
        let known = self.known.lock();
        known
            .get(name)
            .map(|known| Arc::clone(&known.target.template))
    }

    /// Nothing more is to be waited for from this one.
    pub(super) fn seen(&self, name: &NamespacedName) {
        self.pending.send_if_modified(|pending| {
            let pending = pending.as_mut();
            pending.is_some_and(|pending| pending.remove(name) && pending.is_empty())
        });
    }

    /// Hands a Revision over and answers how its scale stands.
    pub(super) fn set(&self, register: &Register<'_>) -> Option<Arc<ScaleStatus>> {
        let name = NamespacedName::of(register.scaler);
        let key = key(&name);
        if self.is_another(&name, register.revision) {
            self.remove(&name);
        }
        let mut known = self.known.lock();
        let before = known.get(&name);
        let target = self.target(register, &key, before);
        let config = revision_config(register.revision, &target.workload);
        self.ending.lock().remove(&target.workload);
        if before.is_none_or(|before| before.config != config) {
            self.gateway.set_revision(&key, config.clone());
        }
        if before.is_none_or(|before| before.target != target) {
            self.workloads.serves(&target.workload, name.clone());
            self.scaler.set(target.clone());
        }
        let uid = register.revision.uid().to_owned();
        let now = Known {
            uid,
            target,
            config,
        };
        known.insert(name.clone(), now);
        drop(known);
        self.seen(&name);
        self.scaler.status(&key)
    }

    /// Whether a Revision that is no more is known by this name. Its instances are made of something else.
    fn is_another(&self, name: &NamespacedName, revision: &Revision) -> bool {
        let known = self.known.lock();
        known
            .get(name)
            .is_some_and(|known| known.uid != revision.uid())
    }

    fn target(
        &self,
        register: &Register<'_>,
        key: &RevisionKey,
        before: Option<&Known>,
    ) -> ScaleTarget {
        let revision = register.revision;
        let template = template::pod_template(revision, self.address.as_deref());
        let template = match before {
            Some(before) if *before.target.template == template => {
                Arc::clone(&before.target.template)
            }
            _ => Arc::new(template),
        };
        let workload = template::workload(revision);
        let mut target = ScaleTarget::new(key.clone(), workload, template, register.bounds.clone());
        let annotations = revision.metadata.annotations.as_ref();
        target.progress_deadline = annotations
            .and_then(progress_deadline)
            .unwrap_or(register.config.deployment.progress_deadline);
        target.start_timeout = unsigned(target.progress_deadline);
        target.status = match before {
            Some(before) => before.target.status.clone(),
            None => register.scaler.status.clone().unwrap_or_default(),
        };
        target
    }

    /// The Revision is scaled no more.
    pub(super) fn remove(&self, name: &NamespacedName) {
        self.seen(name);
        let Some(known) = self.known.lock().remove(name) else {
            return;
        };
        let (key, workload) = (key(name), known.target.workload);
        self.ending.lock().insert(workload.clone(), key.clone());
        self.scaler.remove(&key);
        self.workloads.ends(&workload);
    }

    /// A workload has no instance. If it serves nobody any more, the gateway may forget its Revision: as long as there
    /// were instances, their requests had to be brought to an end.
    pub(crate) fn without_instances(&self, workload: &WorkloadId) {
        if let Some(key) = self.ending.lock().remove(workload) {
            self.gateway.remove_revision(&key);
        }
    }
}

fn key(name: &NamespacedName) -> RevisionKey {
    RevisionKey::new(name.namespace.as_str(), name.name.as_str())
}

fn unsigned(duration: SignedDuration) -> Duration {
    Duration::try_from(duration).unwrap_or(Duration::MAX)
}

fn revision_config(revision: &Revision, workload: &WorkloadId) -> RevisionConfig {
    let spec = &revision.spec;
    let seconds = |seconds: Option<i64>| {
        let seconds = u64::try_from(seconds?)
            .ok()
            .filter(|seconds| *seconds > 0)?;
        Some(Duration::from_secs(seconds))
    };
    let mut config = RevisionConfig::new(workload.clone());
    let concurrency = spec.container_concurrency.unwrap_or_default();
    config.container_concurrency = u32::try_from(concurrency).unwrap_or_default();
    config.protocol = match traffic::Protocol::of(revision) {
        traffic::Protocol::Http1 => Protocol::Http1,
        traffic::Protocol::H2c => Protocol::H2c,
    };
    if let Some(timeout) = seconds(spec.timeout_seconds) {
        config.timeout = timeout;
    }
    config.response_start_timeout = seconds(spec.response_start_timeout_seconds);
    config.idle_timeout = seconds(spec.idle_timeout_seconds);
    config
}

#[cfg(test)]
mod tests {
    use knative_core::Ids;

    use super::*;
    use crate::config::Live;
    use crate::gateway::Gateway;

    fn revision(uid: &str) -> Revision {
        let mut revision = Revision::default();
        revision.metadata.namespace = Some("default".to_owned());
        revision.metadata.name = Some("hello-00001".to_owned());
        revision.metadata.uid = Some(uid.to_owned());
        revision
    }

    #[test]
    fn a_revision_that_is_made_again_is_another_one() {
        let gateway = Gateway::new(Arc::new(Ids::seeded(1)));
        let workloads = Arc::<Workloads>::default();
        let scaler = ScalerHandle::default();
        let registry = Registry::new(gateway.handle(), scaler.clone(), workloads, None);
        let config = Live::default().get();
        let bounds = Bounds::resolve(&BTreeMap::new(), 0, "", &config.autoscaler);
        let ordered = |uid| {
            let revision = revision(uid);
            let pod_autoscaler = PodAutoscaler {
                metadata: revision.metadata.clone(),
                ..PodAutoscaler::default()
            };
            registry.set(&Register {
                scaler: &pod_autoscaler,
                revision: &revision,
                bounds: &bounds,
                config: &config,
            });
            scaler.ordered()
        };
        assert_eq!(ordered("a"), [(false, true)]);
        assert_eq!(ordered("a"), []);
        assert_eq!(ordered("b"), [(true, true)]);
    }
}
