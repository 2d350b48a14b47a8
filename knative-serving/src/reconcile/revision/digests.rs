//! Looks up the digests of images in the background.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::PodSpec;
use knative_core::object::{ImageReference, ObjectExt as _};
use knative_core::runtime::{ImageStore, PullSecret, pull_secrets};
use knative_core::store::{NamespacedName, Store};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::api::revision::lifecycle::container_missing_message;
use crate::api::{ContainerStatus, Revision};
use crate::config::Deployment;
use crate::reconcile::signal::Signal;

/// How many images are looked up at a time, as in Knative.
const WORKERS: usize = 100;
/// The wait after a first failure.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The longest wait after failures in a row: an image that is added is found within this time.
const LONGEST_RETRY: Duration = Duration::from_secs(8);

/// The digests of a Revision's containers, in their order.
pub(super) type Digests = Vec<ContainerStatus>;

/// How a look-up stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Lookup {
    /// It goes on; the Revision is told of when it ends.
    Working,
    /// The digests.
    Found {
        /// Of containers.
        containers: Digests,
        /// Of init containers.
        init_containers: Digests,
    },
    /// It failed, and may be asked for again after a while.
    Failed {
        /// Why.
        message: String,
        /// The while.
        retry: Duration,
    },
}

/// A look-up that goes on or failed.
#[derive(Debug, Default)]
struct Entry {
    /// Of the Revision: one that is deleted and made again under the same name may have other images.
    uid: String,
    state: State,
    failures: u32,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Working,
    Answered(Result<(Digests, Digests), String>),
    Waiting {
        message: String,
        until: Instant,
    },
}

impl Entry {
    /// Takes note of a failure: the next look-up is later than the one before.
    fn fail(&mut self, message: String) -> Lookup {
        let retry = FIRST_RETRY.saturating_mul(1 << self.failures.min(10));
        let retry = retry.min(LONGEST_RETRY);
        self.failures += 1;
        self.state = State::Waiting {
            message: message.clone(),
            until: Instant::now() + retry,
        };
        Lookup::Failed { message, retry }
    }
}

/// Looks up digests.
#[derive(Debug)]
pub(crate) struct Resolver {
    images: Arc<dyn ImageStore>,
    /// Where pull secrets are read.
    store: Arc<dyn Store>,
    entries: Mutex<BTreeMap<NamespacedName, Entry>>,
    workers: Semaphore,
    tasks: TaskTracker,
    /// Revisions whose look-up ended.
    pub(crate) done: Arc<Signal<NamespacedName>>,
}

impl Resolver {
    pub(crate) fn new(
        images: Arc<dyn ImageStore>,
        store: Arc<dyn Store>,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            images,
            store,
            entries: Mutex::default(),
            workers: Semaphore::new(WORKERS),
            tasks,
            done: Arc::default(),
        }
    }

    /// Asks for the digests of a Revision. An answer is given once; asking again looks them up again.
    pub(super) fn resolve(self: &Arc<Self>, revision: &Revision, config: &Deployment) -> Lookup {
        let pod = &revision.spec.pod;
        let init = pod.init_containers.iter().flatten();
        let images: Vec<Image> = pod
            .containers
            .iter()
            .map(|container| (false, container))
            .chain(init.map(|container| (true, container)))
            .map(|(init, container)| Image {
                init,
                name: container.name.clone(),
                reference: container.image.clone().unwrap_or_default(),
            })
            .collect();
        if images.iter().all(|image| image.is_settled(config)) {
            let (containers, init_containers) = images
                .iter()
                .map(Image::settled)
                .fold((Vec::new(), Vec::new()), sort);
            return Lookup::Found {
                containers,
                init_containers,
            };
        }
        let wanted = Wanted {
            pod: pod.clone(),
            images,
        };
        self.look_up(NamespacedName::of(revision), revision.uid(), wanted, config)
    }

    fn look_up(
        self: &Arc<Self>,
        name: NamespacedName,
        uid: &str,
        wanted: Wanted,
        config: &Deployment,
    ) -> Lookup {
        let mut entries = self.entries.lock();
        let entry = entries.entry(name.clone()).or_default();
        let is_new = entry.uid != uid;
        if is_new {
            *entry = Entry {
                uid: uid.to_owned(),
                ..Entry::default()
            };
        }
        match std::mem::take(&mut entry.state) {
            State::Working if !is_new => return Lookup::Working,
            State::Answered(Ok((containers, init_containers))) => {
                entries.remove(&name);
                return Lookup::Found {
                    containers,
                    init_containers,
                };
            }
            State::Answered(Err(message)) => return entry.fail(message),
            State::Waiting { message, until } if Instant::now() < until => {
                entry.state = State::Waiting {
                    message: message.clone(),
                    until,
                };
                let retry = until.saturating_duration_since(Instant::now());
                return Lookup::Failed { message, retry };
            }
            State::Working | State::Waiting { .. } => {}
        }
        drop(entries);
        self.begin(name, uid.to_owned(), wanted, config.clone());
        Lookup::Working
    }

    fn begin(
        self: &Arc<Self>,
        name: NamespacedName,
        uid: String,
        wanted: Wanted,
        config: Deployment,
    ) {
        let resolver = Arc::clone(self);
        self.tasks.spawn(async move {
            let answer = resolver.all(&name.namespace, &wanted, &config).await;
            if let Some(entry) = resolver.entries.lock().get_mut(&name)
                && entry.uid == uid
            {
                entry.state = State::Answered(answer);
            }
            resolver.done.tell(name);
        });
    }

    async fn all(
        &self,
        namespace: &str,
        wanted: &Wanted,
        config: &Deployment,
    ) -> Result<(Digests, Digests), String> {
        let secrets = pull_secrets(&self.store, namespace, &wanted.pod).await;
        let secrets = secrets.map_err(|error| error.to_string())?;
        let mut digests = (Vec::new(), Vec::new());
        for image in &wanted.images {
            let status = if image.is_settled(config) {
                image.settled()
            } else {
                self.one(image, &secrets, config).await?
            };
            digests = sort(digests, status);
        }
        Ok(digests)
    }

    async fn one(
        &self,
        image: &Image,
        secrets: &[PullSecret],
        config: &Deployment,
    ) -> Result<(bool, ContainerStatus), String> {
        let _worker = self
            .workers
            .acquire()
            .await
            .map_err(|error| error.to_string())?;
        let timeout = Duration::try_from(config.digest_resolution_timeout).unwrap_or(Duration::MAX);
        let resolved = self
            .images
            .resolve(&image.reference, secrets, timeout)
            .await;
        let resolved = resolved.map_err(|error| {
            let cause = format!("failed to resolve image to digest: {error}");
            container_missing_message(&image.reference, &cause)
        })?;
        Ok(image.with(resolved.digest.unwrap_or_default()))
    }

    /// The Revision is gone.
    pub(super) fn forget(&self, name: &NamespacedName) {
        self.entries.lock().remove(name);
    }
}

/// The images of a Revision to look up.
#[derive(Clone, Debug)]
struct Wanted {
    /// Names the credentials.
    pod: PodSpec,
    images: Vec<Image>,
}

/// An image to look up.
#[derive(Clone, Debug)]
struct Image {
    init: bool,
    name: String,
    reference: String,
}

impl Image {
    /// Whether there is nothing to look up: it is a digest already, or of a registry that is exempt.
    fn is_settled(&self, config: &Deployment) -> bool {
        let Ok(reference) = self.reference.parse::<ImageReference>() else {
            return false;
        };
        let exempt = &config.registries_skipping_tag_resolving;
        reference.digest().is_some() || exempt.contains(reference.registry())
    }

    fn settled(&self) -> (bool, ContainerStatus) {
        let reference = self.reference.parse::<ImageReference>().ok();
        let is_digest = reference.is_some_and(|reference| reference.digest().is_some());
        self.with(if is_digest {
            self.reference.clone()
        } else {
            String::new()
        })
    }

    fn with(&self, image_digest: String) -> (bool, ContainerStatus) {
        let status = ContainerStatus {
            name: self.name.clone(),
            image_digest,
        };
        (self.init, status)
    }
}

fn sort(
    (mut containers, mut init): (Digests, Digests),
    (is_init, status): (bool, ContainerStatus),
) -> (Digests, Digests) {
    if is_init {
        init.push(status);
    } else {
        containers.push(status);
    }
    (containers, init)
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use k8s_openapi::api::core::v1::Container;
    use knative_core::runtime::{ImageConfig, ImageError, PullSecret, ResolvedImage};
    use knative_core::store::MemoryStore;
    use knative_core::{Ids, Kinds, SystemClock};
    use tokio::sync::Notify;

    use super::*;
    use crate::config::Live;

    /// Answers about images named `slow` only when it is told to.
    #[derive(Debug, Default)]
    struct Images(Notify);

    #[async_trait]
    impl ImageStore for Images {
        async fn resolve(
            &self,
            reference: &str,
            _: &[PullSecret],
            _: Duration,
        ) -> Result<ResolvedImage, ImageError> {
            if reference.ends_with("slow") {
                self.0.notified().await;
            }
            let digest = format!("{reference}@sha256:{}", "0".repeat(64));
            Ok(ResolvedImage {
                digest: Some(digest),
                config: ImageConfig::default(),
            })
        }
    }

    fn revision(uid: &str, image: &str) -> Revision {
        let container = Container {
            image: Some(image.to_owned()),
            ..Container::default()
        };
        let mut revision = Revision::default();
        revision.metadata.name = Some("hello-00001".to_owned());
        revision.metadata.uid = Some(uid.to_owned());
        revision.spec.pod = PodSpec {
            containers: vec![container],
            ..PodSpec::default()
        };
        revision
    }

    fn store() -> Arc<dyn Store> {
        let mut kinds = Kinds::new();
        knative_core::kinds::core::register(&mut kinds);
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(Ids::seeded(1)));
        Arc::new(MemoryStore::new(Arc::new(kinds), clock, ids))
    }

    #[tokio::test]
    async fn a_late_answer_is_not_that_of_a_later_revision() {
        let images = Arc::new(Images::default());
        let resolver = Arc::new(Resolver::new(
            Arc::clone(&images) as Arc<dyn ImageStore>,
            store(),
            TaskTracker::new(),
        ));
        let config = Live::default().get().deployment;
        let before = revision("a", "example.local/slow");
        assert_eq!(resolver.resolve(&before, &config), Lookup::Working);
        let after = revision("b", "example.local/quick");
        assert_eq!(resolver.resolve(&after, &config), Lookup::Working);
        resolver.done.next().await;
        images.0.notify_one();
        resolver.done.next().await;
        let Lookup::Found { containers, .. } = resolver.resolve(&after, &config) else {
            panic!("nothing was found");
        };
        let digest = &containers[0].image_digest;
        assert!(digest.starts_with("example.local/quick@"), "{digest}");
    }
}
