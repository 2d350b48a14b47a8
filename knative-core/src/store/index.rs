//! The objects of a cache, and how they are found.

use std::{collections::BTreeMap, sync::Arc};

use kube_core::Resource;

use super::NamespacedName;
use crate::object::controller_of;

/// Names in order. Most are alone, and a tree keeps room for eleven.
type Names = Vec<NamespacedName>;

/// Objects by name, and by the uid of their controller.
#[derive(Debug)]
pub(super) struct Index<K> {
    pub(super) objects: BTreeMap<NamespacedName, Arc<K>>,
    owned: BTreeMap<String, Names>,
}

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            owned: BTreeMap::new(),
        }
    }
}

impl<K: Resource> Index<K> {
    pub(super) fn insert(&mut self, name: NamespacedName, object: Arc<K>) {
        self.remove(&name);
        if let Some(owner) = controller_of(object.meta()) {
            add_to(&mut self.owned, &owner.uid, &name);
        }
        self.objects.insert(name, object);
    }

    pub(super) fn remove(&mut self, name: &NamespacedName) -> Option<Arc<K>> {
        let object = self.objects.remove(name)?;
        if let Some(owner) = controller_of(object.meta()) {
            remove_from(&mut self.owned, &owner.uid, name);
        }
        Some(object)
    }

    pub(super) fn owned_by(&self, uid: &str) -> impl Iterator<Item = &Arc<K>> {
        let names = self.owned.get(uid).into_iter().flatten();
        names.filter_map(|name| self.objects.get(name))
    }
}

fn add_to(index: &mut BTreeMap<String, Names>, uid: &str, name: &NamespacedName) {
    let names = index.entry(uid.to_owned()).or_default();
    if let Err(place) = names.binary_search(name) {
        names.insert(place, name.clone());
    }
}

fn remove_from(index: &mut BTreeMap<String, Names>, uid: &str, name: &NamespacedName) {
    if let Some(names) = index.get_mut(uid) {
        if let Ok(place) = names.binary_search(name) {
            names.remove(place);
        }
        if names.is_empty() {
            index.remove(uid);
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::*;

    fn map(name: &str, owner: &str) -> (NamespacedName, Arc<ConfigMap>) {
        let owner = json!([{"apiVersion": "v1", "kind": "X", "name": "o", "uid": owner, "controller": true}]);
        let map = json!({"metadata": {"name": name, "namespace": "a", "ownerReferences": owner}});
        let map: ConfigMap = serde_json::from_value(map).expect("a ConfigMap");
        (NamespacedName::of(&map), Arc::new(map))
    }

    fn names<'a>(found: impl Iterator<Item = &'a Arc<ConfigMap>>) -> Vec<&'a str> {
        found
            .filter_map(|map| map.metadata.name.as_deref())
            .collect()
    }

    #[test]
    fn objects_are_found_as_they_are_now() {
        let mut index = Index::default();
        for (name, owner) in [("z", "2"), ("y", "1"), ("x", "1")] {
            let (name, map) = map(name, owner);
            index.insert(name, map);
        }
        assert_eq!(names(index.owned_by("1")), ["x", "y"]);
        let (name, changed) = map("x", "2");
        index.insert(name, changed);
        assert_eq!(names(index.owned_by("1")), ["y"]);
        assert_eq!(names(index.owned_by("2")), ["x", "z"]);
        for name in ["x", "y", "z"] {
            index.remove(&NamespacedName::new("a", name));
        }
        assert!(index.owned.is_empty());
    }
}
