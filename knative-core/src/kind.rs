//! The registry of kinds: what API server, garbage collector and admission need to know of each.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    admission::{Admission, Chain},
    object::GroupKind,
    schema::Schema,
};

/// Whether objects of a kind live in a namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// In a namespace.
    #[default]
    Namespaced,
    /// Beside all namespaces.
    Cluster,
}

/// A column that `kubectl get` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub r#type: &'static str,
    /// Where the value is, as `.status.url` (the JSONPath of a CRD's printer column).
    pub json_path: String,
    /// 0 is always shown, more only with `-o wide`.
    pub priority: i32,
}

impl Column {
    /// A text column that is always shown.
    pub fn string(name: &str, json_path: &str) -> Self {
        Self::new(name, "string", json_path)
    }

    /// A column that is always shown.
    pub fn new(name: &str, r#type: &'static str, json_path: &str) -> Self {
        Self {
            name: name.to_owned(),
            r#type,
            json_path: json_path.to_owned(),
            priority: 0,
        }
    }
}

/// All that is known of a kind apart from its objects.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Its API group; empty for the core group.
    pub group: String,
    /// The one version that is served and stored, as `v1`.
    pub version: String,
    /// Its name, as `Service`.
    pub kind: String,
    /// The name in paths, as `services`.
    pub plural: String,
    /// The name that `kubectl` takes for one, as `service`.
    pub singular: String,
    /// Abbreviations, as `ksvc`.
    pub short_names: Vec<String>,
    /// Groups of kinds that `kubectl get` takes, as `all`.
    pub categories: Vec<String>,
    /// Whether objects live in a namespace.
    pub scope: Scope,
    /// What `kubectl get` prints beside the name; none for NAME and AGE.
    pub columns: Vec<Column>,
    /// The shape of its objects.
    pub schema: Arc<Schema>,
    /// Whether `/status` exists: then writes to the object leave the status alone, and `generation` counts changes of the rest.
    pub status: bool,
    /// Whether objects are derived from what runs: never journaled, and read-only for users but for deletion.
    pub volatile: bool,
    /// Paths that a field selector may name beside `metadata.name` and `metadata.namespace`, as `involvedObject.uid`.
    pub selectable_fields: Vec<String>,
    /// Defaulting and validation beyond the schema.
    pub admission: Option<Arc<dyn Admission>>,
}

impl Kind {
    /// A namespaced kind with a status and nothing else; singular and plural are made from the name.
    pub fn new(group: &str, version: &str, kind: &str, plural: &str, schema: Arc<Schema>) -> Self {
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            singular: kind.to_lowercase(),
            short_names: Vec::new(),
            categories: Vec::new(),
            scope: Scope::Namespaced,
            columns: Vec::new(),
            schema,
            status: true,
            volatile: false,
            selectable_fields: Vec::new(),
            admission: None,
        }
    }

    /// Its identity.
    pub fn group_kind(&self) -> GroupKind {
        GroupKind::owned(self.group.as_str(), self.kind.as_str())
    }

    /// `group/version`, or the version alone in the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `plural.group`, as errors name it; the plural alone in the core group.
    pub fn resource(&self) -> String {
        if self.group.is_empty() {
            self.plural.clone()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// Whether objects live in a namespace.
    pub fn is_namespaced(&self) -> bool {
        self.scope == Scope::Namespaced
    }
}

/// The kinds that a platform serves. Crates fill it while the platform is assembled; it does not change afterwards.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    by_kind: BTreeMap<GroupKind, Arc<Kind>>,
    order: Vec<Arc<Kind>>,
}

impl Kinds {
    /// No kinds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a kind; one of the same group and name is replaced where it is.
    pub fn register(&mut self, kind: Kind) {
        let kind = Arc::new(kind);
        let key = kind.group_kind();
        let mut known = self.order.iter_mut();
        match known.find(|known| known.group_kind() == key) {
            Some(known) => *known = Arc::clone(&kind),
            None => self.order.push(Arc::clone(&kind)),
        }
        self.by_kind.insert(key, kind);
    }

    /// Adds rules to those that a kind has, if it is registered.
    pub fn add_admission(&mut self, kind: &GroupKind, rules: Arc<dyn Admission>) {
        if let Some(known) = self.by_kind.get(kind) {
            let mut kind = known.as_ref().clone();
            let rules = kind.admission.take().into_iter().chain([rules]).collect();
            kind.admission = Some(Arc::new(Chain::new(rules)));
            self.register(kind);
        }
    }

    /// A kind by its identity.
    pub fn get(&self, kind: &GroupKind) -> Option<&Arc<Kind>> {
        self.by_kind.get(kind)
    }

    /// A kind by its place in paths.
    pub fn by_plural(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Kind>> {
        self.order
            .iter()
            .find(|kind| kind.group == group && kind.version == version && kind.plural == plural)
    }

    /// All kinds, in the order of registration (the order of discovery: core first).
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.order.iter()
    }
}
