//! What a Route refers to, as the caches know it.

use std::sync::Arc;

use knative_core::object::{GroupKind, ObjectKey};

use crate::api::keys::SERVING_GROUP;
use crate::api::{Configuration, Revision};
use crate::reconcile::shell::Caches;
use crate::traffic::{Lookup, References};

/// The namespace of a Route.
#[derive(Clone, Copy, Debug)]
pub(super) struct CacheLookup<'a> {
    pub(super) caches: &'a Caches,
    pub(super) namespace: &'a str,
}

impl Lookup for CacheLookup<'_> {
    fn configuration(&self, name: &str) -> Option<Arc<Configuration>> {
        self.caches.configurations.get(self.namespace, name)
    }

    fn revision(&self, name: &str) -> Option<Arc<Revision>> {
        self.caches.revisions.get(self.namespace, name)
    }
}

/// Everything whose change may change the Route, also what does not exist yet.
pub(super) fn tracked(references: &References, namespace: &str) -> Vec<ObjectKey> {
    let configurations = references.configurations.keys();
    let configurations = configurations.map(|name| ObjectKey::of::<Configuration>(namespace, name));
    let revisions = references.revisions.keys();
    let revisions = revisions.map(|name| ObjectKey::of::<Revision>(namespace, name));
    let missing = references.missing.iter().map(|missing| {
        let kind = missing.kind.clone().unwrap_or_default();
        let name = missing.name.clone().unwrap_or_default();
        ObjectKey::new(GroupKind::owned(SERVING_GROUP, kind), namespace, name)
    });
    configurations.chain(revisions).chain(missing).collect()
}
