//! Objects that others depend on without owning them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use parking_lot::Mutex;

use crate::{object::ObjectKey, store::NamespacedName};

/// Remembers who depends on which object, also on one that does not exist yet.
#[derive(Clone, Debug, Default)]
pub struct Tracker {
    tracked: Arc<Mutex<Tracked>>,
}

#[derive(Debug, Default)]
struct Tracked {
    dependents: BTreeMap<ObjectKey, BTreeSet<NamespacedName>>,
    targets: BTreeMap<NamespacedName, BTreeSet<ObjectKey>>,
}

impl Tracker {
    /// Nothing is tracked.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on `dependent` depends on exactly these objects.
    pub fn track(&self, dependent: &NamespacedName, targets: impl IntoIterator<Item = ObjectKey>) {
        let targets: BTreeSet<ObjectKey> = targets.into_iter().collect();
        let mut tracked = self.tracked.lock();
        tracked.remove(dependent);
        for target in &targets {
            tracked
                .dependents
                .entry(target.clone())
                .or_default()
                .insert(dependent.clone());
        }
        if !targets.is_empty() {
            tracked.targets.insert(dependent.clone(), targets);
        }
    }

    /// `dependent` is gone.
    pub fn forget(&self, dependent: &NamespacedName) {
        self.tracked.lock().remove(dependent);
    }

    /// Who depends on an object.
    pub fn dependents(&self, target: &ObjectKey) -> Vec<NamespacedName> {
        let tracked = self.tracked.lock();
        tracked
            .dependents
            .get(target)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
}

impl Tracked {
    fn remove(&mut self, dependent: &NamespacedName) {
        for target in self.targets.remove(dependent).unwrap_or_default() {
            if let Some(dependents) = self.dependents.get_mut(&target) {
                dependents.remove(dependent);
                if dependents.is_empty() {
                    self.dependents.remove(&target);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::GroupKind;

    #[test]
    fn tracking_again_replaces_what_was_tracked() {
        let target = |name: &str| ObjectKey::new(GroupKind::new("g", "K"), "ns", name);
        let (tracker, route) = (Tracker::new(), NamespacedName::new("ns", "route"));
        tracker.track(&route, [target("a"), target("b")]);
        tracker.track(&route, [target("b")]);
        assert_eq!(tracker.dependents(&target("a")), []);
        assert_eq!(
            tracker.dependents(&target("b")),
            std::slice::from_ref(&route)
        );
        tracker.forget(&route);
        assert_eq!(tracker.dependents(&target("b")), []);
    }
}
