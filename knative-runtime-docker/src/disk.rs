//! Whether the engine bounds what a container writes into its own file system.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HostConfig};
use knative_core::runtime::InstanceId;

use crate::{
    engine::{ConnectError, Engine, status, text},
    infra,
    label::{self, Role},
    sandbox,
};

/// What a container may write, in the engine's words.
pub(crate) fn limit(bytes: i64) -> HashMap<String, String> {
    HashMap::from([("size".to_owned(), bytes.to_string())])
}

/// Makes a container with such a bound, which an engine refuses whose own disk has no quotas, and takes it away.
pub(crate) async fn is_limited(
    engine: &Engine,
    platform: &str,
    image: &str,
) -> Result<bool, ConnectError> {
    let probe = InstanceId::new("disk");
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: Some(vec![infra::PROGRAM.to_owned()]),
        labels: Some(label::of_container(platform, &probe, Role::Sandbox)),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            storage_opt: Some(limit(1 << 30)),
            ..sandbox::harmless()
        }),
        ..ContainerCreateBody::default()
    };
    let name = sandbox::container_name(platform, &probe, "sandbox");
    match sandbox::create(engine, &name, body).await {
        Ok(container) => {
            let removed = sandbox::remove(engine, &container).await;
            removed.map_err(|error| engine.unusable(text(&error)))?;
            Ok(true)
        }
        Err(error) if status(&error).is_some() => Ok(false),
        Err(error) => Err(engine.unusable(text(&error))),
    }
}
