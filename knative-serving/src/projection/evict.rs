//! Pods that a user deletes: their instances are replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use knative_core::object::{GroupKind, Object, ObjectExt as _, ObjectKey, quote};
use knative_core::runtime::InstanceId;
use knative_core::store::{StoreExt as _, WatchEvent, WatchOptions};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::writer::Projection;
use crate::api::Revision;
use crate::api::keys::serving::REVISION_UID;

/// How soon a watch that ended is begun again.
const WATCH_PAUSE: Duration = Duration::from_millis(50);

impl Projection {
    /// Replaces instances whose pods a user deletes, until `shutdown`.
    pub(crate) async fn evict(self: Arc<Self>, shutdown: CancellationToken) {
        let mut pods = KnownPods::default();
        while shutdown
            .run_until_cancelled(self.follow_deletions(&mut pods))
            .await
            .is_some()
        {
            // A watch that was too slow begins anew with what is there.
            shutdown.run_until_cancelled(sleep(WATCH_PAUSE)).await;
        }
    }

    async fn follow_deletions(&self, known: &mut KnownPods) {
        let mut options = WatchOptions::default();
        options.bookmarks = true;
        let pods = GroupKind::of::<Pod>();
        let mut watch = match self.shell.store.watch(&pods, &options).await {
            Ok(watch) => watch,
            Err(error) => return warn!(%error, "deletions of pods cannot be followed"),
        };
        let mut there = Some(BTreeSet::new());
        while let Some(event) = watch.next().await {
            let deleted = match event {
                Ok(WatchEvent::Added(pod) | WatchEvent::Modified(pod)) => {
                    if let Some(there) = &mut there {
                        there.insert(pod.name().to_owned());
                    }
                    known.note(&pod);
                    Vec::new()
                }
                Ok(WatchEvent::Deleted(pod)) => known.gone(pod.name()).into_iter().collect(),
                Ok(_) => {
                    let there = there.take();
                    there.map_or_else(Vec::new, |there| known.missing(&there))
                }
                Err(error) => return debug!(%error, "a watch of pods begins anew"),
            };
            for (name, revision_uid) in deleted {
                self.replace(&InstanceId::new(name), &revision_uid).await;
            }
        }
    }

    async fn replace(&self, id: &InstanceId, revision_uid: &str) {
        if !self.is_missed(id, revision_uid).await {
            return;
        }
        if let Err(error) = self.runtime.evict(id).await {
            warn!(%error, pod = %quote(id.as_str()), "an instance was not replaced");
        }
    }

    /// Whether an instance whose pod is deleted has to be replaced. What is gone by itself is known as gone already, and
    /// pods that go with their Revision belong to instances that still finish their requests.
    async fn is_missed(&self, id: &InstanceId, revision_uid: &str) -> bool {
        let workload = self.workloads.workload_of(id);
        let Some(name) = workload.and_then(|workload| self.workloads.revision_of(&workload)) else {
            return false;
        };
        let key = ObjectKey::of::<Revision>(&name.namespace, &name.name);
        match self.shell.store.find(&key).await {
            Ok(Some(revision)) => !revision.is_deleting() && revision.uid() == revision_uid,
            _ => false,
        }
    }
}

/// The pods that a watch told of, by name, with the uid of their Revision.
#[derive(Debug, Default)]
struct KnownPods(BTreeMap<String, String>);

impl KnownPods {
    fn note(&mut self, pod: &Object) {
        if let Some(revision) = pod.label(REVISION_UID) {
            self.0.insert(pod.name().to_owned(), revision.to_owned());
        }
    }

    fn gone(&mut self, name: &str) -> Option<(String, String)> {
        self.0.remove_entry(name)
    }

    /// Those that went while nobody watched.
    fn missing(&mut self, there: &BTreeSet<String>) -> Vec<(String, String)> {
        let known = std::mem::take(&mut self.0).into_iter();
        let (there, missing): (Vec<_>, Vec<_>) = known.partition(|(name, _)| there.contains(name));
        self.0 = there.into_iter().collect();
        missing
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str) -> Object {
        let labels = json!({ REVISION_UID: format!("revision-of-{name}") });
        let pod = json!({ "metadata": { "name": name, "labels": labels } });
        serde_json::from_value(pod).unwrap()
    }

    #[test]
    fn what_went_while_nobody_watched_is_missing_once() {
        let mut pods = KnownPods::default();
        for name in ["a", "b", "c"] {
            pods.note(&pod(name));
        }
        let of = |name: &str| (name.to_owned(), format!("revision-of-{name}"));
        assert_eq!(pods.gone("b"), Some(of("b")));
        let there = BTreeSet::from(["c".to_owned()]);
        assert_eq!(pods.missing(&there), [of("a")]);
        assert_eq!(pods.missing(&there), []);
        assert_eq!(pods.gone("a"), None);
    }
}
