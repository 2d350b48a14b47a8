//! The gateway in front of one instance, measured as it is in a platform: routing, concurrency limit, statistics and
//! scaler.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use async_trait::async_trait;
use futures::{StreamExt as _, stream, stream::BoxStream};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use knative_core::{
    Clock, Ids, SystemClock,
    http::Endpoint,
    runtime::{
        Capabilities, Instance, InstanceId, InstanceState, LogOptions, LogStream, Observation,
        RuntimeError, Unsupported, Workload, WorkloadId, WorkloadRuntime,
    },
};
use knative_serving::{
    api::networking::ingress::IngressSpec,
    autoscaler::{
        bounds::Bounds,
        run::{ScaleTarget, Scaler},
    },
    config::Autoscaler,
    gateway::{Gateway, IngressKey, Listener, RevisionConfig, RevisionKey},
};
use serde_json::json;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Where the service is called.
pub(crate) const HOST: &str = "hello.default.example.com";

/// `containerConcurrency`: more than the load has connections, so that it is counted and nobody waits.
const LIMIT: u32 = 100;

pub(crate) async fn run(upstream: SocketAddr) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let gateway = Gateway::new(Arc::new(Ids::from_entropy()?));
    let revision = Revision::new("hello");
    let runtime = Running::new(upstream, &revision, clock.as_ref());
    let scaler = Scaler::new(gateway.handle(), Arc::new(runtime));
    revision.add(&gateway, &scaler, LIMIT, &Autoscaler::default())?;

    let tasks = TaskTracker::new();
    let shutdown = CancellationToken::new();
    let listener = Listener::new(gateway, super::listen().await?)?;
    tasks.spawn(async move { scaler.scale(clock, CancellationToken::new()).await });
    listener.serve(shutdown).await;
    Ok(())
}

/// A service with one revision, as reconcilers tell of it.
pub(super) struct Revision {
    pub(super) key: RevisionKey,
    pub(super) workload: WorkloadId,
    service: String,
}

impl Revision {
    pub(super) fn new(service: &str) -> Self {
        let name = format!("{service}-00001");
        Self {
            workload: WorkloadId::new("default", format!("{name}-deployment")),
            key: RevisionKey::new("default", name),
            service: service.to_owned(),
        }
    }

    pub(super) fn add(
        &self,
        gateway: &Gateway,
        scaler: &Scaler,
        limit: u32,
        scaling: &Autoscaler,
    ) -> anyhow::Result<()> {
        let handle = gateway.handle();
        let mut config = RevisionConfig::new(self.workload.clone());
        config.container_concurrency = limit;
        handle.set_revision(&self.key, config);
        let bounds = Bounds::resolve(&BTreeMap::new(), limit.into(), "Reachable", scaling);
        scaler.handle().set(ScaleTarget::new(
            self.key.clone(),
            self.workload.clone(),
            Arc::new(template()?),
            bounds,
        ));
        let ingress = IngressKey::new("default", self.service.as_str());
        handle.set_ingress(&ingress, &self.ingress()?);
        Ok(())
    }

    /// The rules of a Route without tags: its names within the cluster, and the one outside.
    fn ingress(&self) -> anyhow::Result<IngressSpec> {
        let (service, revision) = (&self.service, &self.key.name);
        let http = json!({"paths": [{"splits": [{
            "percent": 100,
            "serviceNamespace": "default",
            "serviceName": revision,
            "servicePort": 80,
            "appendHeaders": {
                "Knative-Serving-Namespace": "default",
                "Knative-Serving-Revision": revision,
            },
        }]}]});
        let local = ["", ".svc", ".svc.cluster.local"].map(|end| format!("{service}.default{end}"));
        let spec = json!({"httpOption": "Enabled", "rules": [
            {"hosts": local, "visibility": "ClusterLocal", "http": http},
            {"hosts": [format!("{service}.default.example.com")], "visibility": "ExternalIP", "http": http},
        ]});
        serde_json::from_value(spec).context("an ingress")
    }
}

/// What a revision of one container runs.
fn template() -> anyhow::Result<PodTemplateSpec> {
    let template = json!({"spec": {"containers": [{
        "name": "user-container",
        "image": "example.local/hello",
        "ports": [{"name": "user-port", "containerPort": 8080}],
    }]}});
    serde_json::from_value(template).context("a pod template")
}

/// A runtime with one instance, which is another process.
#[derive(Debug)]
struct Running {
    instance: Arc<Instance>,
}

impl Running {
    fn new(upstream: SocketAddr, revision: &Revision, clock: &dyn Clock) -> Self {
        let id = InstanceId::new("hello-00001-deployment-bcdfg");
        let mut instance = Instance::starting(id, revision.workload.clone(), clock.now());
        instance.state = InstanceState::Ready {
            endpoint: Endpoint::Tcp(upstream),
        };
        Self {
            instance: Arc::new(instance),
        }
    }
}

#[async_trait]
impl WorkloadRuntime for Running {
    fn check(&self, _: &PodTemplateSpec) -> Vec<Unsupported> {
        Vec::new()
    }

    async fn apply(&self, _: &Workload) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn delete(&self, _: &WorkloadId) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Arc<Instance>>, RuntimeError> {
        Ok(vec![Arc::clone(&self.instance)])
    }

    fn watch(&self) -> BoxStream<'static, Observation> {
        let instance = Observation::Instance(Arc::clone(&self.instance));
        stream::iter([instance, Observation::Synced])
            .chain(stream::pending())
            .boxed()
    }

    async fn logs(&self, _: &InstanceId, _: &LogOptions) -> Result<LogStream, RuntimeError> {
        Err(RuntimeError::Unsupported {
            what: "reading logs",
        })
    }

    async fn evict(&self, id: &InstanceId) -> Result<(), RuntimeError> {
        Err(RuntimeError::NotFound { id: id.clone() })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }
}
