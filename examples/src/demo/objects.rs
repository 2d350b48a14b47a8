//! Objects as a user of the API writes and awaits them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use futures::StreamExt as _;
use knative_core::{
    object::{GroupKind, Object, ObjectExt as _, ObjectKey},
    store::{Patch, Store, StoreExt as _, WatchEvent, WatchOptions, WriteOptions, codec},
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::manifest::admin;

/// How long a service may take to become ready.
const DEADLINE: Duration = Duration::from_secs(30);
const SERVICE: GroupKind = GroupKind::new("serving.knative.dev", "Service");
const CONFIG_MAP: GroupKind = GroupKind::new("", "ConfigMap");

/// The services of namespace `default`.
#[derive(Clone, Debug)]
pub(super) struct Objects {
    store: Arc<dyn Store>,
    options: WriteOptions,
}

impl Objects {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            options: WriteOptions::by(admin()),
        }
    }

    /// Changes ConfigMap `config-autoscaler`.
    pub(super) async fn configure(&self, data: Value) -> Result<()> {
        let key = ObjectKey::new(CONFIG_MAP, "knative-serving", "config-autoscaler");
        let patch = Patch::Merge(json!({ "data": data }));
        self.store.patch(&key, &patch, &self.options).await?;
        Ok(())
    }

    /// Creates a service with a template.
    pub(super) async fn create(&self, name: &str, template: &Value) -> Result<()> {
        let object = codec::object_from_value(json!({
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": { "name": name, "namespace": "default" },
            "spec": { "template": template },
        }))?;
        let created = self.store.create(object, &self.options).await;
        created.with_context(|| format!("cannot create service {name}"))?;
        Ok(())
    }

    /// Changes a service and waits until the change is in force.
    pub(super) async fn change(&self, name: &str, spec: Value) -> Result<()> {
        let key = ObjectKey::new(SERVICE, "default", name);
        let patch = Patch::Merge(json!({ "spec": spec }));
        let changed = self.store.patch(&key, &patch, &self.options).await;
        let changed = changed.with_context(|| format!("cannot change service {name}"))?;
        let generation = changed.object.generation();
        self.await_ready([name.to_owned()].into(), generation).await
    }

    /// Waits until services are ready.
    pub(super) async fn ready(&self, names: BTreeSet<String>) -> Result<()> {
        self.await_ready(names, 1).await
    }

    /// The service's latest ready revision.
    pub(super) async fn latest(&self, name: &str) -> Result<String> {
        let key = ObjectKey::new(SERVICE, "default", name);
        let object = self.store.get(&key).await?;
        let latest = object.data.pointer("/status/latestReadyRevisionName");
        let latest = latest.and_then(Value::as_str);
        Ok(latest.context("the service has no revision")?.to_owned())
    }

    /// The host name of the service, or of one of its tags.
    pub(super) fn host(name: &str, domain: &str) -> String {
        format!("{name}.default.{domain}")
    }

    async fn await_ready(&self, mut names: BTreeSet<String>, generation: i64) -> Result<()> {
        let mut options = WatchOptions::default();
        options.namespace = Some("default".to_owned());
        let mut events = self.store.watch(&SERVICE, &options).await?;
        let all = async {
            while !names.is_empty() {
                let event = events.next().await.context("the watch ended")??;
                if let WatchEvent::Added(object) | WatchEvent::Modified(object) = event
                    && is_ready(&object, generation)
                {
                    names.remove(object.name());
                }
            }
            anyhow::Ok(())
        };
        match timeout(DEADLINE, all).await {
            Ok(ended) => ended,
            Err(_) => bail!(
                "not ready within {DEADLINE:?}: {}",
                self.explain(&names).await
            ),
        }
    }

    /// What the conditions of the first of these say.
    async fn explain(&self, names: &BTreeSet<String>) -> String {
        let Some(name) = names.first() else {
            return String::new();
        };
        let key = ObjectKey::new(SERVICE, "default", name.as_str());
        match self.store.get(&key).await {
            Ok(object) => format!("{name}: {}", object.data["status"]["conditions"]),
            Err(error) => format!("{name}: {error}"),
        }
    }
}

fn is_ready(object: &Object, generation: i64) -> bool {
    let status = &object.data["status"];
    let observed = status["observedGeneration"].as_i64().unwrap_or(0);
    let conditions = status["conditions"].as_array();
    let ready = conditions.into_iter().flatten().any(|condition| {
        condition["type"].as_str() == Some("Ready") && condition["status"].as_str() == Some("True")
    });
    ready && observed >= generation
}
