//! The objects of a cache, and how they are found.

use std::{collections::BTreeMap, sync::Arc};

use kube_core::Resource;

use super::NamespacedName;
use crate::object::controller_of;

/// Names in order. Most are alone, and a tree keeps room for eleven.
type Names = Vec<NamespacedName>;

/// Objects by name, by the uid of their controller, and by label.
#[derive(Debug)]
pub(super) struct Index<K> {
    pub(super) objects: BTreeMap<NamespacedName, Arc<K>>,
    owned: BTreeMap<String, Names>,
    /// By key, then by value.
    labeled: BTreeMap<String, BTreeMap<String, Names>>,
}

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            owned: BTreeMap::new(),
            labeled: BTreeMap::new(),
        }
    }
}

impl<K: Resource> Index<K> {
    pub(super) fn insert(&mut self, name: NamespacedName, object: Arc<K>) {
        self.remove(&name);
        if let Some(owner) = controller_of(object.meta()) {
            add_to(&mut self.owned, &owner.uid, &name);
        }
        for (key, value) in object.meta().labels.iter().flatten() {
            let values = self.labeled.entry(key.clone()).or_default();
            add_to(values, value, &name);
        }
        self.objects.insert(name, object);
    }

    pub(super) fn remove(&mut self, name: &NamespacedName) -> Option<Arc<K>> {
        let object = self.objects.remove(name)?;
        if let Some(owner) = controller_of(object.meta()) {
            remove_from(&mut self.owned, &owner.uid, name);
        }
        for (key, value) in object.meta().labels.iter().flatten() {
            if let Some(values) = self.labeled.get_mut(key) {
                remove_from(values, value, name);
                if values.is_empty() {
                    self.labeled.remove(key);
                }
            }
        }
        Some(object)
    }

    pub(super) fn owned_by(&self, uid: &str) -> impl Iterator<Item = &Arc<K>> {
        let names = self.owned.get(uid).into_iter().flatten();
        names.filter_map(|name| self.objects.get(name))
    }

    /// The objects with a label, of one namespace or (if it is empty) of all.
    pub(super) fn labeled<'a>(
        &'a self,
        namespace: &'a str,
        key: &str,
        value: &str,
    ) -> impl Iterator<Item = &'a Arc<K>> {
        let names = self.labeled.get(key).and_then(|values| values.get(value));
        let names = names.into_iter().flatten();
        let here = names.filter(move |name| namespace.is_empty() || name.namespace == namespace);
        here.filter_map(|name| self.objects.get(name))
    }
}

fn add_to(index: &mut BTreeMap<String, Names>, value: &str, name: &NamespacedName) {
    let names = index.entry(value.to_owned()).or_default();
    if let Err(place) = names.binary_search(name) {
        names.insert(place, name.clone());
    }
}

fn remove_from(index: &mut BTreeMap<String, Names>, value: &str, name: &NamespacedName) {
    if let Some(names) = index.get_mut(value) {
        if let Ok(place) = names.binary_search(name) {
            names.remove(place);
        }
        if names.is_empty() {
            index.remove(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::*;

    fn map(name: &str, labels: &serde_json::Value) -> (NamespacedName, Arc<ConfigMap>) {
        let owner =
            json!([{"apiVersion": "v1", "kind": "X", "name": "o", "uid": "u", "controller": true}]);
        let map = json!({"metadata": {"name": name, "namespace": "a", "labels": labels, "ownerReferences": owner}});
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
        for (name, labels) in [
            ("x", json!({"l": "1"})),
            ("y", json!({"l": "1"})),
            ("z", json!({"l": "2"})),
        ] {
            let (name, map) = map(name, &labels);
            index.insert(name, map);
        }
        assert_eq!(names(index.labeled("a", "l", "1")), ["x", "y"]);
        assert_eq!(names(index.labeled("", "l", "2")), ["z"]);
        assert!(names(index.labeled("b", "l", "1")).is_empty());
        let (name, changed) = map("x", &json!({"l": "2"}));
        index.insert(name, changed);
        assert_eq!(names(index.labeled("a", "l", "1")), ["y"]);
        assert_eq!(names(index.labeled("a", "l", "2")), ["x", "z"]);
        assert_eq!(names(index.owned_by("u")), ["x", "y", "z"]);
        for name in ["x", "y", "z"] {
            index.remove(&NamespacedName::new("a", name));
        }
        assert!(index.labeled.is_empty() && index.owned.is_empty());
    }
}
