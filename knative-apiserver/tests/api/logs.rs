//! `kubectl logs`.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, stream, stream::BoxStream};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use knative_core::{
    runtime::{
        Capabilities, Instance, InstanceId, LogOptions, LogStream, Observation, RuntimeError,
        Unsupported, Workload, WorkloadId, WorkloadRuntime,
    },
    store::{WriteOptions, codec::object_from_value},
};
use serde_json::json;

use crate::harness::Harness;

/// Prints how it was asked.
#[derive(Debug)]
pub(crate) struct Echo;

#[async_trait]
impl WorkloadRuntime for Echo {
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
        Ok(Vec::new())
    }

    fn watch(&self) -> BoxStream<'static, Observation> {
        stream::pending().boxed()
    }

    async fn logs(&self, id: &InstanceId, options: &LogOptions) -> Result<LogStream, RuntimeError> {
        let since = options
            .since
            .map(|since| since.to_string())
            .unwrap_or_default();
        let line = format!(
            "{id} {:?} {} {:?} {:?} {} {since}\n",
            options.container,
            options.follow,
            options.tail_lines,
            options.limit_bytes,
            options.previous
        );
        Ok(stream::iter([Ok(line.into())]).boxed())
    }

    async fn evict(&self, id: &InstanceId) -> Result<(), RuntimeError> {
        Err(RuntimeError::NotFound { id: id.clone() })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }
}

#[tokio::test(start_paused = true)]
async fn options_reach_the_runtime() {
    let api = Harness::with(Some(Arc::new(Echo)));
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"},
        "spec": {"containers": [{"name": "user-container"}]},
    });
    let pod = object_from_value(pod).expect("an object");
    api.store
        .create(pod, &WriteOptions::default())
        .await
        .expect("the pod is kept");
    let path = "/api/v1/namespaces/default/pods/p/log";

    let plain = api.get(path).await.expect(200);
    assert_eq!(plain.header("content-type"), "text/plain");
    assert_eq!(
        plain.text(),
        "p Some(\"user-container\") false None None false \n"
    );
    let query = "container=user-container&follow=true&tailLines=5&limitBytes=9&previous=true&sinceSeconds=60";
    let all = api.get(&format!("{path}?{query}")).await.expect(200).text();
    assert_eq!(
        all,
        "p Some(\"user-container\") true Some(5) Some(9) true 2026-09-21T14:12:20Z\n"
    );

    let message = api
        .get(&format!("{path}?container=x"))
        .await
        .refusal(400, "BadRequest");
    assert_eq!(message, "container x is not valid for pod p");
    let message = api
        .get("/api/v1/namespaces/default/pods/q/log")
        .await
        .refusal(404, "NotFound");
    assert_eq!(message, "pods \"q\" not found");
    let wrong = "tailLines=-1&limitBytes=0&sinceSeconds=5&sinceTime=2026-01-01T00:00:00Z";
    let message = api.get(&format!("{path}?{wrong}")).await;
    assert_eq!(
        message.refusal(422, "Invalid"),
        "PodLogOptions \"p\" is invalid: [tailLines: Invalid value: -1: must be greater than or equal to 0, \
         limitBytes: Invalid value: 0: must be greater than 0, \
         : Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified]"
    );
    api.get(&format!("{path}?timestamps=true"))
        .await
        .refusal(400, "BadRequest");
}
