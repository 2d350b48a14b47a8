//! Configuration: a Revision for each generation of its template.

mod availability;
pub mod plan;

use std::sync::Arc;

use jiff::Timestamp;
use knative_core::condition::READY;
use knative_core::controller::{Action, Reconciler};
use knative_core::object::{ObjectExt as _, quote};
use knative_core::store::StoreError;
use knative_core::{ConditionStatus, Conditioned as _};

use self::plan::{Availability, availability};
use crate::api::{Configuration, ConfigurationStatus, Revision};
use crate::reconcile::failure::Failure;
use crate::reconcile::shell::Shell;
use crate::reconcile::status::{begin, finish};

/// Reconciles Configurations.
#[derive(Debug)]
pub(crate) struct ConfigurationReconciler {
    pub(crate) shell: Shell,
}

impl Reconciler for ConfigurationReconciler {
    type Resource = Configuration;
    type Error = Failure;

    async fn reconcile(&self, configuration: Arc<Configuration>) -> Result<Action, Failure> {
        if configuration.is_deleting() {
            return Ok(Action::done());
        }
        let now = self.shell.now();
        let mut status = begin(&*configuration, now);
        let result = self.pass(&configuration, &mut status, now).await;
        finish(&self.shell.store, &*configuration, status, now).await?;
        result.map(|()| Action::done())
    }
}

impl ConfigurationReconciler {
    async fn pass(
        &self,
        configuration: &Configuration,
        status: &mut ConfigurationStatus,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let Some(created) = self.latest_created(configuration, status, now).await? else {
            return Ok(());
        };
        status.set_latest_created_revision_name(created.name(), now);
        self.follow(configuration, &created, status, now);
        self.set_latest_ready(configuration, &created, status, now);
        Ok(())
    }

    /// The Revision of the current template; none if its name is taken.
    async fn latest_created(
        &self,
        configuration: &Configuration,
        status: &mut ConfigurationStatus,
        now: Timestamp,
    ) -> Result<Option<Arc<Revision>>, Failure> {
        let revisions = &self.shell.caches.revisions;
        let named = configuration.spec.template.metadata.name.as_deref();
        if let Some(name) = named.filter(|name| !name.is_empty()) {
            let found = revisions.get(configuration.namespace(), name);
            match availability(configuration, found.as_deref()) {
                Availability::Ours => return Ok(found),
                Availability::Taken => {
                    status.mark_revision_creation_failed(&already_exists(name), now);
                    return Ok(None);
                }
                Availability::Free => {}
            }
        }
        let of_generation = revisions
            .owned_by(configuration.uid())
            .into_iter()
            .find(|revision| {
                plan::configuration_generation(revision) == configuration.generation()
            });
        match of_generation {
            Some(found) => Ok(Some(found)),
            None => self.create(configuration, status, now).await.map(Some),
        }
    }

    async fn create(
        &self,
        configuration: &Configuration,
        status: &mut ConfigurationStatus,
        now: Timestamp,
    ) -> Result<Arc<Revision>, Failure> {
        let wanted = plan::revision(configuration, now);
        let api = self.shell.api::<Revision>();
        let error = match api.create(&wanted).await {
            Ok(created) => {
                let message = format!("Created Revision {}", quote(created.name()));
                self.shell.events.normal(configuration, "Created", message);
                return Ok(Arc::new(created));
            }
            Err(error) => error,
        };
        if error.is_already_exists() {
            // It may be ours, made by a pass whose result the cache does not show yet.
            let found = api.get(wanted.namespace(), wanted.name()).await?;
            if availability(configuration, Some(&found)) == Availability::Ours {
                return Ok(Arc::new(found));
            }
        }
        Err(self.creation_failed(configuration, &wanted, error, status, now))
    }

    fn creation_failed(
        &self,
        configuration: &Configuration,
        wanted: &Revision,
        error: StoreError,
        status: &mut ConfigurationStatus,
        now: Timestamp,
    ) -> Failure {
        if error.is_already_exists() {
            let message = already_exists(wanted.name());
            status.mark_revision_creation_failed(&message, now);
            return Failure::Blocked(format!("failed to create Revision: {message}"));
        }
        let message = format!("Failed to create Revision: {error}");
        self.shell
            .events
            .warning(configuration, "CreationFailed", message);
        status.mark_revision_creation_failed(&error.to_string(), now);
        Failure::step("failed to create Revision")(error)
    }

    /// Takes over a failure of the newest Revision, and tells of a first success.
    fn follow(
        &self,
        configuration: &Configuration,
        created: &Revision,
        status: &mut ConfigurationStatus,
        now: Timestamp,
    ) {
        let ready = created
            .status
            .as_ref()
            .and_then(|status| status.top_level());
        let Some(ready) = ready else {
            return;
        };
        match ready.status {
            ConditionStatus::Unknown => {}
            ConditionStatus::True => {
                if status.latest_ready_revision_name.is_empty() {
                    let message = "Configuration becomes ready";
                    self.shell
                        .events
                        .normal(configuration, "ConfigurationReady", message);
                }
            }
            ConditionStatus::False => {
                let name = created.name();
                status.mark_latest_created_failed(name, &ready.message, now);
                if is_news(configuration, status) {
                    self.tell_failed(configuration, name, status);
                }
            }
        }
    }

    fn tell_failed(&self, configuration: &Configuration, name: &str, status: &ConfigurationStatus) {
        let (reason, which) = if status.latest_ready_revision_name == name {
            ("LatestReadyFailed", "ready")
        } else {
            ("LatestCreatedFailed", "created")
        };
        let message = format!("Latest {which} revision {} has failed", quote(name));
        self.shell.events.warning(configuration, reason, message);
    }

    fn set_latest_ready(
        &self,
        configuration: &Configuration,
        created: &Arc<Revision>,
        status: &mut ConfigurationStatus,
        now: Timestamp,
    ) {
        let mut revisions = self.shell.caches.revisions.owned_by(configuration.uid());
        if revisions.iter().all(|known| known.name() != created.name()) {
            revisions.push(Arc::clone(created));
        }
        let current = status.latest_ready_revision_name.clone();
        let is_current = |revision: &Arc<Revision>| revision.name() == current;
        if !current.is_empty() && !revisions.iter().any(is_current) {
            status.mark_latest_ready_deleted(now);
        }
        let Some(next) = plan::latest_ready(configuration, revisions.iter().map(|r| &**r)) else {
            return;
        };
        status.set_latest_ready_revision_name(next.name(), now);
        if next.name() != current {
            let message = format!("LatestReadyRevisionName updated to {}", quote(next.name()));
            self.shell
                .events
                .normal(configuration, "LatestReadyUpdate", message);
        }
    }
}

/// Whether the failure was not in the stored status already.
fn is_news(configuration: &Configuration, status: &ConfigurationStatus) -> bool {
    let told = |status: Option<&ConfigurationStatus>| {
        let ready = status?.condition(READY)?;
        Some((ready.status, ready.reason.clone(), ready.message.clone()))
    };
    told(configuration.status.as_ref()) != told(Some(status))
}

/// Kubernetes' text for a name that is taken.
fn already_exists(name: &str) -> String {
    format!(
        "revisions.serving.knative.dev {} already exists",
        quote(name)
    )
}
