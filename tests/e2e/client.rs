//! kube-rs as a client of the platform.

use std::time::Duration;

use kube::{
    Api, Client, Config, ResourceExt as _,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::{ApiResource, GroupVersionKind},
    runtime::wait::await_condition,
};
use libtest_mimic::{Failed, Trial};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    Outcome, ensure,
    platform::{Platform, condition, service},
    trials as part,
};

const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) fn trials() -> Vec<Trial> {
    part(
        "client",
        [("kube_rs_creates_watches_patches_and_deletes", life)],
    )
}

fn life() -> Outcome {
    let platform = Platform::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(lived(&platform))
}

async fn services(platform: &Platform) -> Result<Api<DynamicObject>, Failed> {
    let kubeconfig = Kubeconfig::read_from(platform.kubeconfig())?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    let client = Client::try_from(config)?;
    let kind = GroupVersionKind::gvk("serving.knative.dev", "v1", "Service");
    let resource = ApiResource::from_gvk(&kind);
    Ok(Api::namespaced_with(client, "default", &resource))
}

async fn lived(platform: &Platform) -> Outcome {
    let services = services(platform).await?;
    let hello = service("hello", "example.local/hello", &[], &json!({}));
    let hello: DynamicObject = serde_json::from_value(hello)?;
    services.create(&PostParams::default(), &hello).await?;
    ready(&services, "hello").await?;
    let listed = services.list(&ListParams::default()).await?;
    ensure(listed.items.len() == 1, || {
        format!("{} services", listed.items.len())
    })?;

    let change = Patch::Merge(json!({ "metadata": { "labels": { "tier": "web" } } }));
    let changed = services
        .patch("hello", &PatchParams::default(), &change)
        .await?;
    ensure(changed.labels().get("tier").is_some(), || {
        format!("{changed:?}")
    })?;
    let labelled = services
        .list(&ListParams::default().labels("tier=web"))
        .await?;
    ensure(labelled.items.len() == 1, || {
        "the selector finds nothing".to_owned()
    })?;

    let again = services.create(&PostParams::default(), &hello).await;
    ensure(
        matches!(&again, Err(kube::Error::Api(status)) if status.code == 409),
        || format!("{again:?}"),
    )?;

    services.delete("hello", &DeleteParams::default()).await?;
    let gone = |object: Option<&DynamicObject>| object.is_none();
    timeout(DEADLINE, await_condition(services, "hello", gone)).await??;
    Ok(())
}

async fn ready(services: &Api<DynamicObject>, name: &str) -> Outcome {
    let is_ready = |object: Option<&DynamicObject>| {
        object.is_some_and(|object| condition(&object.data, "Ready")["status"] == "True")
    };
    timeout(DEADLINE, await_condition(services.clone(), name, is_ready)).await??;
    Ok(())
}
