//! From the targets of a spec to Revisions, as Knative's `pkg/reconciler/route/traffic` does.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use knative_core::condition::{Condition, Conditioned};
use knative_core::object::ObjectExt as _;

use super::{DEFAULT_TARGET, RevisionTarget, TargetError};
use crate::api::keys::serving;
use crate::api::{Configuration, Revision, Route, TrafficTarget};

/// What exists in the namespace of the Route.
pub trait Lookup {
    /// The Configuration of that name.
    fn configuration(&self, name: &str) -> Option<Arc<Configuration>>;
    /// The Revision of that name.
    fn revision(&self, name: &str) -> Option<Arc<Revision>>;
}

/// What a Route refers to, directly or through a Configuration.
#[derive(Debug, Clone, Default)]
pub struct References {
    /// Configurations that exist, by name.
    pub configurations: BTreeMap<String, Arc<Configuration>>,
    /// Revisions that exist, by name.
    pub revisions: BTreeMap<String, Arc<Revision>>,
    /// What does not exist, in the order of the targets.
    pub missing: Vec<ObjectReference>,
}

/// Traffic of a Route whose targets can all receive it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Targets by tag, one per Revision; all of them under [`DEFAULT_TARGET`].
    pub targets: BTreeMap<String, Vec<RevisionTarget>>,
    /// Targets as in the spec, with the shares that it gives.
    pub flat: Vec<RevisionTarget>,
}

/// What became of the targets of a Route.
#[derive(Debug, Clone)]
pub struct Resolution {
    /// What the Route refers to.
    pub references: References,
    /// Traffic, or why some of it cannot be sent. Of several reasons the last failure counts, else the first reason.
    pub outcome: Result<Traffic, TargetError>,
}

/// Resolves every target of `route`, also after one that cannot receive traffic.
pub fn resolve(route: &Route, lookup: &dyn Lookup) -> Resolution {
    let mut resolver = Resolver::new(route, lookup);
    for target in &route.spec.traffic {
        if let Err(error) = resolver.add(target) {
            resolver.note(error);
        }
    }
    resolver.finish()
}

struct Resolver<'a> {
    route: &'a Route,
    lookup: &'a dyn Lookup,
    references: References,
    traffic: Traffic,
    error: Option<TargetError>,
}

impl<'a> Resolver<'a> {
    fn new(route: &'a Route, lookup: &'a dyn Lookup) -> Self {
        Self {
            route,
            lookup,
            references: References::default(),
            traffic: Traffic::default(),
            error: None,
        }
    }

    fn finish(self) -> Resolution {
        let outcome = match self.error {
            Some(error) => Err(error),
            None => Ok(self.traffic.consolidated()),
        };
        Resolution {
            references: self.references,
            outcome,
        }
    }

    /// A target that names neither is skipped.
    fn add(&mut self, target: &TrafficTarget) -> Result<(), TargetError> {
        if !target.revision_name.is_empty() {
            self.add_revision(target)
        } else if !target.configuration_name.is_empty() {
            self.add_configuration(target)
        } else {
            Ok(())
        }
    }

    fn add_configuration(&mut self, target: &TrafficTarget) -> Result<(), TargetError> {
        let configuration = self.configuration(&target.configuration_name)?;
        let latest = configuration
            .status
            .as_ref()
            .map(|status| &status.latest_ready_revision_name);
        let Some(name) = latest.filter(|name| !name.is_empty()) else {
            let failed = configuration
                .status
                .as_ref()
                .is_some_and(Conditioned::has_failed);
            let name = configuration.name().to_owned();
            return Err(TargetError::UnreadyConfiguration { name, failed });
        };
        let revision = self.revision(name)?;
        ready(&revision)?;
        self.traffic
            .push(RevisionTarget::new(target, revision.name(), &revision));
        Ok(())
    }

    fn add_revision(&mut self, target: &TrafficTarget) -> Result<(), TargetError> {
        let revision = self.revision(&target.revision_name)?;
        owned(self.route, &revision)?;
        ready(&revision)?;
        let mut resolved = RevisionTarget::new(target, revision.name(), &revision);
        if let Some(configuration) = revision.label(serving::CONFIGURATION) {
            self.configuration(configuration)?;
            configuration.clone_into(&mut resolved.configuration_name);
        }
        self.traffic.push(resolved);
        Ok(())
    }

    fn configuration(&mut self, name: &str) -> Result<Arc<Configuration>, TargetError> {
        let Some(found) = self.lookup.configuration(name) else {
            return Err(TargetError::Missing {
                kind: "Configuration",
                name: name.to_owned(),
            });
        };
        self.references
            .configurations
            .insert(name.to_owned(), Arc::clone(&found));
        Ok(found)
    }

    fn revision(&mut self, name: &str) -> Result<Arc<Revision>, TargetError> {
        let Some(found) = self.lookup.revision(name) else {
            return Err(TargetError::Missing {
                kind: "Revision",
                name: name.to_owned(),
            });
        };
        self.references
            .revisions
            .insert(name.to_owned(), Arc::clone(&found));
        Ok(found)
    }

    fn note(&mut self, error: TargetError) {
        if let TargetError::Missing { kind, name } = &error {
            self.references.missing.push(ObjectReference {
                api_version: Some(format!("{}/v1", crate::api::keys::SERVING_GROUP)),
                kind: Some((*kind).to_owned()),
                name: Some(name.clone()),
                namespace: Some(self.route.namespace().to_owned()),
                ..ObjectReference::default()
            });
        }
        if self.error.is_none() || error.is_failure() {
            self.error = Some(error);
        }
    }
}

impl Traffic {
    fn push(&mut self, target: RevisionTarget) {
        match self.flat.iter_mut().find(|other| same_line(other, &target)) {
            Some(other) => other.percent += target.percent,
            None => self.flat.push(target.clone()),
        }
        if !target.tag.is_empty() {
            self.targets
                .entry(target.tag.clone())
                .or_default()
                .push(target.clone());
        }
        self.targets
            .entry(DEFAULT_TARGET.to_owned())
            .or_default()
            .push(target);
    }

    fn consolidated(mut self) -> Self {
        for targets in self.targets.values_mut() {
            *targets = consolidate(std::mem::take(targets));
        }
        self
    }
}

/// Whether two targets are one line of the status.
fn same_line(a: &RevisionTarget, b: &RevisionTarget) -> bool {
    (&a.tag, &a.revision_name, a.is_latest()) == (&b.tag, &b.revision_name, b.is_latest())
}

/// One target per Revision; a single one gets everything.
fn consolidate(targets: Vec<RevisionTarget>) -> Vec<RevisionTarget> {
    let mut consolidated: Vec<RevisionTarget> = Vec::with_capacity(targets.len());
    for target in targets {
        let same = |other: &&mut RevisionTarget| other.revision_name == target.revision_name;
        match consolidated.iter_mut().find(same) {
            Some(other) => other.percent += target.percent,
            None => consolidated.push(target),
        }
    }
    if let [only] = consolidated.as_mut_slice() {
        only.percent = 100;
    }
    consolidated
}

/// A Route of a Service may name only Revisions of that Service.
fn owned(route: &Route, revision: &Revision) -> Result<(), TargetError> {
    let service = route.label(serving::SERVICE).unwrap_or_default();
    let owner = revision.label(serving::SERVICE).unwrap_or_default();
    if service.is_empty() || owner == service {
        return Ok(());
    }
    Err(TargetError::NotOwned {
        name: revision.name().to_owned(),
        service: service.to_owned(),
        owner: owner.to_owned(),
    })
}

fn ready(revision: &Revision) -> Result<(), TargetError> {
    if revision.is_ready() {
        return Ok(());
    }
    let ready = revision.status.as_ref().and_then(Conditioned::top_level);
    let failed = ready.is_some_and(Condition::is_false);
    Err(TargetError::UnreadyRevision {
        name: revision.name().to_owned(),
        failed,
    })
}
