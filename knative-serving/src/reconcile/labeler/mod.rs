//! Labeler: tells Revisions and Configurations which Routes refer to them.

mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use knative_core::controller::{Action, Reconciler, finalizer};
use knative_core::object::{ObjectExt as _, ObjectKey, controller_of, quote};
use knative_core::store::{ApiObject, NamespacedName, Patch};
use parking_lot::Mutex;

use crate::api::keys::serving::ROUTE_FINALIZER;
use crate::api::{Configuration, Route, TrafficTarget};
use crate::reconcile::failure::Failure;
use crate::reconcile::shell::Shell;

/// Which Configurations say that a Route refers to them.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    by_route: Mutex<BTreeMap<NamespacedName, BTreeSet<String>>>,
}

impl Listed {
    /// Takes note of a Configuration, and answers with the Routes that it names.
    pub(crate) fn note(&self, configuration: &Configuration) -> Vec<NamespacedName> {
        let routes = configuration
            .annotation(crate::api::keys::serving::ROUTES)
            .unwrap_or_default();
        let mut by_route = self.by_route.lock();
        let routes = routes.split(',').filter(|route| !route.is_empty());
        routes
            .map(|route| {
                let route = NamespacedName::new(configuration.namespace(), route);
                let names = by_route.entry(route.clone()).or_default();
                names.insert(configuration.name().to_owned());
                route
            })
            .collect()
    }

    fn of(&self, route: &NamespacedName) -> BTreeSet<String> {
        self.by_route.lock().get(route).cloned().unwrap_or_default()
    }

    fn set(&self, route: NamespacedName, names: BTreeSet<String>) {
        self.by_route.lock().insert(route, names);
    }

    fn forget(&self, route: &NamespacedName) {
        self.by_route.lock().remove(route);
    }
}

/// Labels what Routes refer to.
#[derive(Debug)]
pub(crate) struct Labeler {
    pub(crate) shell: Shell,
    pub(crate) listed: Arc<Listed>,
}

/// What a Route refers to.
#[derive(Debug, Default)]
struct References {
    revisions: BTreeSet<String>,
    configurations: BTreeSet<String>,
}

impl Reconciler for Labeler {
    type Resource = Route;
    type Error = Failure;

    async fn reconcile(&self, route: Arc<Route>) -> Result<Action, Failure> {
        if route.is_deleting() {
            return self.finalize(&route).await;
        }
        self.hold(&route).await?;
        let references = self.references(&route);
        self.set(&route, &references).await?;
        if route.is_ready() || route.is_failed() {
            self.clear(&route, &references).await?;
        }
        Ok(Action::done())
    }

    fn forget(&self, name: &NamespacedName) {
        self.listed.forget(name);
    }
}

impl Labeler {
    /// The Route must not go before what it refers to was told.
    async fn hold(&self, route: &Route) -> Result<(), Failure> {
        let has = |finalizers: &Vec<String>| finalizers.iter().any(|one| one == ROUTE_FINALIZER);
        if route.metadata.finalizers.as_ref().is_some_and(has) {
            return Ok(());
        }
        let key = ObjectKey::of::<Route>(route.namespace(), route.name());
        finalizer::add(&self.shell.store, &key, ROUTE_FINALIZER).await?;
        self.tell_finalizers(route);
        Ok(())
    }

    async fn finalize(&self, route: &Route) -> Result<Action, Failure> {
        let has = |finalizers: &Vec<String>| finalizers.iter().any(|one| one == ROUTE_FINALIZER);
        if !route.metadata.finalizers.as_ref().is_some_and(has) {
            return Ok(Action::done());
        }
        self.clear(route, &References::default()).await?;
        let key = ObjectKey::of::<Route>(route.namespace(), route.name());
        finalizer::remove(&self.shell.store, &key, ROUTE_FINALIZER).await?;
        self.tell_finalizers(route);
        Ok(Action::done())
    }

    fn tell_finalizers(&self, route: &Route) {
        let message = format!("Updated {} finalizers", quote(route.name()));
        self.shell.events.normal(route, "FinalizerUpdate", message);
    }

    fn references(&self, route: &Route) -> References {
        let mut references = References::default();
        let status = route.status.iter().flat_map(|status| &status.traffic);
        for target in status.chain(&route.spec.traffic) {
            self.add(route.namespace(), target, &mut references);
        }
        references
    }

    /// A target that follows a Configuration also means its newest Revision, so that nothing has to change once that is
    /// ready.
    fn add(&self, namespace: &str, target: &TrafficTarget, references: &mut References) {
        let caches = &self.shell.caches;
        let mut configuration = target.configuration_name.clone();
        if !target.revision_name.is_empty() {
            let Some(revision) = caches.revisions.get(namespace, &target.revision_name) else {
                return;
            };
            references.revisions.insert(target.revision_name.clone());
            let owner = controller_of(&revision.metadata);
            if let Some(owner) = owner.filter(|owner| owner.kind == "Configuration") {
                owner.name.clone_into(&mut configuration);
            }
        }
        let Some(found) = caches.configurations.get(namespace, &configuration) else {
            return;
        };
        let status = found.status.as_ref();
        let newest = status.map_or("", |status| &status.latest_created_revision_name);
        if target.latest_revision == Some(true) && !newest.is_empty() {
            references.revisions.insert(newest.to_owned());
        }
        references.configurations.insert(configuration);
    }

    async fn set(&self, route: &Route, references: &References) -> Result<(), Failure> {
        let caches = &self.shell.caches;
        for name in &references.revisions {
            if let Some(revision) = caches.revisions.get(route.namespace(), name) {
                self.mark(&*revision, route, true, true).await?;
            }
        }
        for name in &references.configurations {
            if let Some(configuration) = caches.configurations.get(route.namespace(), name) {
                self.mark(&*configuration, route, true, false).await?;
            }
        }
        let name = NamespacedName::of(route);
        let mut listed = self.listed.of(&name);
        listed.extend(references.configurations.iter().cloned());
        self.listed.set(name, listed);
        Ok(())
    }

    /// Tells all others that the Route refers to them no more. A Revision is never listed without its Configuration.
    async fn clear(&self, route: &Route, references: &References) -> Result<(), Failure> {
        let caches = &self.shell.caches;
        let name = NamespacedName::of(route);
        for listed in self.listed.of(&name) {
            let Some(configuration) = caches.configurations.get(route.namespace(), &listed) else {
                continue;
            };
            for revision in caches.revisions.owned_by(configuration.uid()) {
                let is_stale = plan::is_listed(&*revision, route.name())
                    && !references.revisions.contains(revision.name());
                if is_stale {
                    self.mark(&*revision, route, false, true).await?;
                }
            }
            let is_stale = plan::is_listed(&*configuration, route.name())
                && !references.configurations.contains(&listed);
            if is_stale {
                self.mark(&*configuration, route, false, false).await?;
            }
        }
        self.listed.set(name, references.configurations.clone());
        Ok(())
    }

    async fn mark<K: ApiObject>(
        &self,
        object: &K,
        route: &Route,
        listed: bool,
        has_state: bool,
    ) -> Result<(), Failure> {
        let now = self.shell.now();
        let Some(patch) = plan::patch(object, route.name(), listed, has_state, now) else {
            return Ok(());
        };
        let api = self.shell.api::<K>();
        let patched = api
            .patch(object.namespace(), object.name(), &Patch::Merge(patch))
            .await;
        match patched {
            Err(error) if !error.is_not_found() => Err(error.into()),
            _ => Ok(()),
        }
    }
}
