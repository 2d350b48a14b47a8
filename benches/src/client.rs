//! Services through the API.

use std::{collections::BTreeSet, fmt, time::Duration};

use anyhow::{Context as _, bail};
use futures::{StreamExt as _, TryStreamExt as _, stream, stream::BoxStream};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client,
    api::{
        ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams,
        WatchEvent, WatchParams,
    },
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

/// How many creates are under way at a time.
const AT_ONCE: usize = 32;
/// How long a service may take to become ready before the row is given up.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(10);
/// Scales a new service to zero instead of one.
pub const AT_ZERO: (&str, &str) = ("autoscaling.knative.dev/initial-scale", "0");

/// The services of namespace `default`.
#[derive(Clone)]
pub struct Services {
    client: Client,
    api: Api<DynamicObject>,
}

/// A service to be created.
#[derive(Clone, Debug)]
pub struct Wanted {
    image: &'static str,
    annotations: Value,
}

impl Wanted {
    /// One of an image, with annotations of its template.
    pub fn new(image: &'static str, annotations: &[(&str, &str)]) -> Self {
        let annotations = annotations
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Value::from(*value)));
        Self {
            image,
            annotations: Value::Object(annotations.collect()),
        }
    }

    fn named(&self, name: &str) -> anyhow::Result<DynamicObject> {
        Ok(serde_json::from_value(json!({
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"template": {
                "metadata": {"annotations": self.annotations},
                "spec": {"containers": [{"image": self.image}]},
            }},
        }))?)
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

impl Services {
    /// Those of a platform.
    pub fn new(client: Client) -> Self {
        let kind = ApiResource {
            group: "serving.knative.dev".to_owned(),
            version: "v1".to_owned(),
            api_version: "serving.knative.dev/v1".to_owned(),
            kind: "Service".to_owned(),
            plural: "services".to_owned(),
        };
        Self {
            api: Api::namespaced_with(client.clone(), "default", &kind),
            client,
        }
    }

    /// Lets services begin at zero, and those that rest go back there soon.
    ///
    /// # Errors
    /// The API's.
    pub async fn allow_zero(&self) -> anyhow::Result<()> {
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), "knative-serving");
        let data = json!({"data": {
            "allow-zero-initial-scale": "true",
            "stable-window": "6s",
            "scale-to-zero-grace-period": "6s",
        }});
        maps.patch(
            "config-autoscaler",
            &PatchParams::default(),
            &Patch::Merge(data),
        )
        .await?;
        self.await_zero().await
    }

    /// Waits until admission has read the configuration.
    async fn await_zero(&self) -> anyhow::Result<()> {
        let probe = Wanted::new("example.local/hello", &[AT_ZERO]).named("probe")?;
        let dry = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.api.create(&dry, &probe).await {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error.into()),
                Err(_) => sleep(LOOK).await,
            }
        }
    }

    /// Creates one.
    ///
    /// # Errors
    /// The API's.
    pub async fn create(&self, name: &str, wanted: &Wanted) -> anyhow::Result<()> {
        let object = wanted.named(name)?;
        self.api.create(&PostParams::default(), &object).await?;
        Ok(())
    }

    /// Deletes one.
    ///
    /// # Errors
    /// The API's.
    pub async fn delete(&self, name: &str) -> anyhow::Result<()> {
        self.api.delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Creates many at once and waits until all are ready.
    ///
    /// # Errors
    /// The API's, or one does not become ready.
    pub async fn create_all(&self, names: &[String], wanted: &Wanted) -> anyhow::Result<()> {
        let mut watch = self.watch().await?;
        let creates = stream::iter(names)
            .map(|name| self.create(name, wanted))
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>();
        tokio::try_join!(creates, watch.all_ready(names.iter().cloned().collect()))?;
        Ok(())
    }

    /// Watches what changes from now on.
    ///
    /// # Errors
    /// The API's.
    pub async fn watch(&self) -> anyhow::Result<Watch> {
        let list = self.api.list(&ListParams::default().limit(1)).await?;
        let version = list.metadata.resource_version.unwrap_or_default();
        let events = self.api.watch(&WatchParams::default(), &version).await?;
        Ok(Watch {
            events: events.boxed(),
        })
    }
}

/// A watch of services.
pub struct Watch {
    events: BoxStream<'static, kube::Result<WatchEvent<DynamicObject>>>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl Watch {
    /// Waits for one service.
    ///
    /// # Errors
    /// The API's, or it does not become ready.
    pub async fn ready(&mut self, name: &str) -> anyhow::Result<()> {
        self.all_ready(BTreeSet::from([name.to_owned()])).await
    }

    async fn all_ready(&mut self, mut names: BTreeSet<String>) -> anyhow::Result<()> {
        while let Some(next) = names.first() {
            let service = timeout(PATIENCE, self.next_ready())
                .await
                .with_context(|| format!("{next} and {} more are not ready", names.len() - 1))??;
            names.remove(&service);
        }
        Ok(())
    }

    /// The next event that says of a service that it is ready.
    async fn next_ready(&mut self) -> anyhow::Result<String> {
        loop {
            match self.events.try_next().await?.context("the watch ended")? {
                WatchEvent::Added(object) | WatchEvent::Modified(object) if is_ready(&object) => {
                    return object.metadata.name.context("a service without a name");
                }
                WatchEvent::Error(status) => bail!("the watch failed: {}", status.message),
                _ => {}
            }
        }
    }
}

/// Whether condition Ready is true, for what the spec says now.
fn is_ready(service: &DynamicObject) -> bool {
    let status = &service.data["status"];
    let conditions = status["conditions"].as_array();
    status["observedGeneration"].as_i64() == service.metadata.generation
        && conditions
            .into_iter()
            .flatten()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}
