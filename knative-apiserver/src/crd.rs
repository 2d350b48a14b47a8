//! Definitions of the kinds, as clients of custom resources look for them. They are derived from what is registered
//! and cannot be written.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use knative_core::{
    Kind, Kinds, Scope,
    object::{GroupKind, Object, ObjectKey},
    schema::Schema,
    selector::{FieldSelector, LabelSelector},
    store::{
        DeleteOptions, Deleted, ListOptions, ObjectList, Store, StoreError, WatchEvent,
        WatchOptions, WatchStart, WatchStream, WriteOptions, Written, codec::object_from_value,
    },
};
use serde_json::{Value, json};

use crate::{api::is_builtin, etag::digest};

/// The kind of definitions.
pub(crate) const KIND: GroupKind =
    GroupKind::new("apiextensions.k8s.io", "CustomResourceDefinition");
/// Definitions never change while a platform runs.
const VERSION: &str = "1";

/// The kind of definitions, to be served.
pub(crate) fn kind() -> Kind {
    let mut kind = Kind::new(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        Arc::new(Schema::default()),
    );
    kind.scope = Scope::Cluster;
    kind.short_names = vec!["crd".to_owned(), "crds".to_owned()];
    kind.categories = vec!["api-extensions".to_owned()];
    kind.volatile = true;
    kind.status = false;
    kind
}

/// The definitions of all kinds that are not Kubernetes' own. They are large and seldom asked for: each is made when it is.
#[derive(Debug)]
pub(crate) struct Definitions {
    kinds: Vec<Arc<Kind>>,
    since: Timestamp,
}

impl Definitions {
    /// The definitions of `kinds`, as if made at `now`.
    pub(crate) fn new(kinds: &Kinds, now: Timestamp) -> Self {
        let custom = kinds.iter().filter(|kind| !is_builtin(&kind.group));
        let mut kinds: Vec<Arc<Kind>> = custom.cloned().collect();
        kinds.sort_by_key(|kind| kind.resource());
        Self { kinds, since: now }
    }

    fn make(&self, kind: &Kind) -> Option<Arc<Object>> {
        object_from_value(definition(kind, self.since))
            .ok()
            .map(Arc::new)
    }

    fn select(&self, labels: &LabelSelector, fields: &FieldSelector) -> Vec<Arc<Object>> {
        let named = self.kinds.iter().filter(|kind| {
            fields.matches(|field| (field == "metadata.name").then(|| kind.resource().into()))
        });
        let made = named.filter_map(|kind| self.make(kind));
        made.filter(|object| {
            let of = object.metadata.labels.clone().unwrap_or_default();
            labels.matches(&of)
        })
        .collect()
    }
}

fn definition(kind: &Kind, now: Timestamp) -> Value {
    let time = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let names = json!({
        "plural": kind.plural,
        "singular": kind.singular,
        "kind": kind.kind,
        "listKind": format!("{}List", kind.kind),
        "shortNames": kind.short_names,
        "categories": kind.categories,
    });
    let condition = |r#type: &str, reason: &str, message: &str| {
        json!({
            "type": r#type, "status": "True", "reason": reason, "message": message,
            "lastTransitionTime": time,
        })
    };
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": kind.resource(),
            "uid": uid(&kind.resource()),
            "resourceVersion": VERSION,
            "generation": 1,
            "creationTimestamp": time,
            "labels": {"knative.dev/crd-install": "true"},
        },
        "spec": {
            "group": kind.group,
            "names": names,
            "scope": if kind.is_namespaced() { "Namespaced" } else { "Cluster" },
            "versions": [version(kind)],
            "conversion": {"strategy": "None"},
        },
        "status": {
            "acceptedNames": names,
            "storedVersions": [kind.version],
            "conditions": [
                condition("NamesAccepted", "NoConflicts", "no conflicts found"),
                condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            ],
        },
    })
}

fn version(kind: &Kind) -> Value {
    let columns: Vec<Value> = kind
        .columns
        .iter()
        .map(|column| {
            json!({
                "name": column.name, "type": column.r#type,
                "jsonPath": column.json_path, "priority": column.priority,
            })
        })
        .collect();
    let mut version = json!({
        "name": kind.version,
        "served": true,
        "storage": true,
        "schema": {"openAPIV3Schema": kind.schema.to_value()},
        "additionalPrinterColumns": columns,
    });
    if kind.status {
        version["subresources"] = json!({"status": {}});
    }
    version
}

/// A uid that is the same at every start.
fn uid(name: &str) -> String {
    let digits = digest(name.as_bytes()).to_lowercase();
    format!(
        "{}-{}-5{}-8{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[12..15],
        &digits[15..18],
        &digits[18..30]
    )
}

fn read_only() -> StoreError {
    StoreError::NotAllowed {
        message: "definitions are derived from the kinds that the platform registers".to_owned(),
    }
}

#[async_trait]
impl Store for Definitions {
    async fn get(&self, key: &ObjectKey) -> Result<Arc<Object>, StoreError> {
        let named = self.kinds.iter().find(|kind| kind.resource() == key.name);
        named
            .and_then(|kind| self.make(kind))
            .ok_or_else(|| StoreError::NotFound { key: key.clone() })
    }

    async fn list(
        &self,
        _kind: &GroupKind,
        options: &ListOptions,
    ) -> Result<ObjectList, StoreError> {
        let mut list = ObjectList::default();
        list.items = self.select(&options.labels, &options.fields);
        VERSION.clone_into(&mut list.resource_version);
        Ok(list)
    }

    async fn create(&self, _: Object, _: &WriteOptions) -> Result<Written, StoreError> {
        Err(read_only())
    }

    async fn update(&self, _: Object, _: &WriteOptions) -> Result<Written, StoreError> {
        Err(read_only())
    }

    async fn update_status(&self, _: Object, _: &WriteOptions) -> Result<Written, StoreError> {
        Err(read_only())
    }

    async fn delete(&self, _: &ObjectKey, _: &DeleteOptions) -> Result<Deleted, StoreError> {
        Err(read_only())
    }

    /// Those that exist; there are no changes, so that the stream stays open and silent.
    async fn watch(
        &self,
        _: &GroupKind,
        options: &WatchOptions,
    ) -> Result<WatchStream, StoreError> {
        let mut events = Vec::new();
        if options.start == WatchStart::Existing {
            let selected = self.select(&options.labels, &options.fields);
            events.extend(selected.into_iter().map(WatchEvent::Added));
        }
        if options.bookmarks {
            events.push(WatchEvent::Bookmark {
                resource_version: VERSION.to_owned(),
                initial_events_end: options.start == WatchStart::Existing,
            });
        }
        let events = stream::iter(events).chain(stream::pending());
        Ok(events.map(Ok).boxed())
    }
}
