//! Garbage collection by owner references, with the rules of Kubernetes' garbage collector: dependents go with their
//! last owner, `foregroundDeletion` makes an owner wait for those that block it, `orphan` sets them free.
//!
//! It runs inside of the write that gives it cause, so that a store at rest has no garbage and nothing depends on timing.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use crate::{
    object::{GroupKind, Object, ObjectExt as _, ObjectKey},
    store::{DeleteOptions, Propagation},
};

use super::{delete, namespace, state::State};

/// Makes an owner wait for dependents that block its deletion.
pub(super) const FOREGROUND: &str = "foregroundDeletion";
/// Makes an owner wait until its dependents no longer name it.
pub(super) const ORPHAN: &str = "orphan";

/// What garbage collection has to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// An object whose owners or dependents may have changed.
    Examine(ObjectKey),
    /// An object in a namespace that ends.
    Evict(ObjectKey),
    /// A namespace that ends: is it empty?
    Namespace(String),
    /// A namespace in which the objects that every one has may be missing.
    Furnish(String),
}

/// How an owner that is referred to stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It is there, or nothing is known of it.
    Solid,
    /// It is gone.
    Absent,
    /// It waits for its dependents to go.
    Waiting,
}

/// What gives cause to look.
impl State {
    pub(super) fn note_put(&mut self, key: &ObjectKey, previous: Option<&Object>, object: &Object) {
        let owners = object.metadata.owner_references.as_ref();
        let before = previous.and_then(|previous| previous.metadata.owner_references.as_ref());
        if owners.is_some() && owners != before {
            self.work.push_back(Work::Examine(key.clone()));
        }
        if owners != before {
            self.revisit_owners(key, before);
        }
        if object.is_deleting() && (has(object, FOREGROUND) || has(object, ORPHAN)) {
            self.work.push_back(Work::Examine(key.clone()));
        }
    }

    pub(super) fn note_removed(&mut self, key: &ObjectKey, last: &Object) {
        if let Some(dependents) = self.dependents.get(last.uid()) {
            let dependents = dependents.iter().cloned().map(Work::Examine);
            self.work.extend(dependents);
        }
        self.revisit_owners(key, last.metadata.owner_references.as_ref());
        self.note_left(key);
    }

    /// Owners that wait for this object may go on.
    fn revisit_owners(&mut self, key: &ObjectKey, owners: Option<&Vec<OwnerReference>>) {
        for owner in owners.into_iter().flatten() {
            if let Some(owner) = self.key_of_owner(key, owner) {
                let waits = self.get(&owner).is_some_and(|owner| owner.is_deleting());
                if waits {
                    self.work.push_back(Work::Examine(owner));
                }
            }
        }
    }
}

/// What is done about it.
impl State {
    /// Looks at up to `limit` causes; tells whether some are left.
    pub(super) fn collect(&mut self, limit: usize) -> bool {
        for _ in 0..limit {
            let Some(work) = self.work.pop_front() else {
                return false;
            };
            match work {
                Work::Examine(key) => self.examine(&key),
                Work::Evict(key) => self.drop_object(&key, Propagation::Background),
                Work::Namespace(name) => namespace::finish(self, &name),
                Work::Furnish(name) => namespace::furnish(self, &name),
            }
        }
        !self.work.is_empty()
    }

    fn examine(&mut self, key: &ObjectKey) {
        let Some(object) = self.get(key) else {
            return;
        };
        if !object.is_deleting() {
            return self.examine_owners(key, &object);
        }
        if has(&object, ORPHAN) {
            self.orphan_dependents(&object);
            self.drop_finalizer(key, ORPHAN);
        } else if has(&object, FOREGROUND) {
            self.examine_blocking(key, &object);
        }
    }

    /// Removes an object whose owners are gone, or its references to those of them that are.
    fn examine_owners(&mut self, key: &ObjectKey, object: &Object) {
        let owners = object.metadata.owner_references.as_deref();
        let standings: Vec<Standing> = owners
            .unwrap_or_default()
            .iter()
            .map(|owner| self.standing(key, owner))
            .collect();
        if standings
            .iter()
            .all(|standing| *standing == Standing::Solid)
        {
            return;
        }
        if standings.contains(&Standing::Solid) {
            let mut kept = standings
                .iter()
                .map(|standing| *standing == Standing::Solid);
            return self.keep_owners(key, |_| kept.next().unwrap_or(true));
        }
        let blocks = standings.contains(&Standing::Waiting);
        let propagation = if blocks && self.dependents.contains_key(object.uid()) {
            Propagation::Foreground
        } else {
            own_propagation(object)
        };
        self.drop_object(key, propagation);
    }

    /// Lets an owner go if no dependent blocks it, else removes those.
    fn examine_blocking(&mut self, key: &ObjectKey, owner: &Object) {
        let blocking = self.blocking(owner.uid());
        if blocking.is_empty() {
            return self.drop_finalizer(key, FOREGROUND);
        }
        let live = blocking.into_iter().filter(|(_, is_deleting)| !is_deleting);
        self.work.extend(live.map(|(key, _)| Work::Examine(key)));
    }

    /// The dependents that an owner waits for, and whether they are being deleted.
    fn blocking(&self, owner_uid: &str) -> Vec<(ObjectKey, bool)> {
        let dependents = self.dependents.get(owner_uid).into_iter().flatten();
        let blocking = dependents.filter_map(|key| {
            let object = self.get(key)?;
            blocks(&object, owner_uid).then(|| (key.clone(), object.is_deleting()))
        });
        blocking.collect()
    }

    fn orphan_dependents(&mut self, owner: &Object) {
        let dependents = self.dependents.get(owner.uid()).cloned();
        for key in dependents.into_iter().flatten() {
            self.keep_owners(&key, |reference| reference.uid != owner.uid());
        }
    }

    fn keep_owners(&mut self, key: &ObjectKey, mut keep: impl FnMut(&OwnerReference) -> bool) {
        let Some(object) = self.get(key) else {
            return;
        };
        let mut object = object.as_ref().clone();
        let mut owners = object.metadata.owner_references.take().unwrap_or_default();
        owners.retain(|owner| keep(owner));
        object.metadata.owner_references = (!owners.is_empty()).then_some(owners);
        self.put(key, object);
    }

    fn drop_finalizer(&mut self, key: &ObjectKey, finalizer: &str) {
        let Some(object) = self.get(key) else {
            return;
        };
        let mut object = object.as_ref().clone();
        let mut finalizers = object.metadata.finalizers.take().unwrap_or_default();
        finalizers.retain(|held| held != finalizer);
        object.metadata.finalizers = (!finalizers.is_empty()).then_some(finalizers);
        delete::settle(self, key, object);
    }

    fn drop_object(&mut self, key: &ObjectKey, propagation: Propagation) {
        let options = DeleteOptions {
            propagation,
            ..DeleteOptions::default()
        };
        // Someone else may have removed it, which is as well.
        let _gone = delete::delete(self, key, &options);
    }

    fn standing(&self, dependent: &ObjectKey, reference: &OwnerReference) -> Standing {
        let Some(owner) = self.key_of_owner(dependent, reference) else {
            return Standing::Solid;
        };
        match self.get(&owner) {
            Some(owner) if owner.uid() != reference.uid => Standing::Absent,
            None => Standing::Absent,
            Some(owner) if waits_for_dependents(&owner) => Standing::Waiting,
            Some(_) => Standing::Solid,
        }
    }

    /// Where an owner is; `None` for a kind that is not served here, of which nothing can be said.
    fn key_of_owner(&self, dependent: &ObjectKey, owner: &OwnerReference) -> Option<ObjectKey> {
        let group = owner
            .api_version
            .split_once('/')
            .map_or("", |(group, _)| group);
        let kind = self
            .kinds
            .get(&GroupKind::owned(group, owner.kind.as_str()))?;
        let namespace = match (kind.is_namespaced(), dependent.namespace.as_str()) {
            (false, _) => "",
            (true, "") => return None,
            (true, namespace) => namespace,
        };
        Some(ObjectKey::new(
            kind.group_kind(),
            namespace,
            owner.name.as_str(),
        ))
    }
}

fn has(object: &Object, finalizer: &str) -> bool {
    let finalizers = object.metadata.finalizers.iter().flatten();
    finalizers.into_iter().any(|held| held == finalizer)
}

fn waits_for_dependents(object: &Arc<Object>) -> bool {
    object.is_deleting() && has(object, FOREGROUND)
}

fn is_blocking(reference: &OwnerReference) -> bool {
    reference.block_owner_deletion == Some(true)
}

fn blocks(object: &Object, owner_uid: &str) -> bool {
    let owners = object.metadata.owner_references.iter().flatten();
    owners
        .into_iter()
        .any(|owner| owner.uid == owner_uid && is_blocking(owner))
}

/// What an object itself asks for by its finalizers.
fn own_propagation(object: &Object) -> Propagation {
    if has(object, ORPHAN) {
        Propagation::Orphan
    } else if has(object, FOREGROUND) {
        Propagation::Foreground
    } else {
        Propagation::Background
    }
}
