//! Where an instance's containers have their network: in a sandbox that they join, or its only container has its own.

use std::{net::Ipv4Addr, sync::Arc};

use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};
use knative_core::runtime::StartError;

use crate::{engine::start_gone, label::Role, member::Member, sandbox, shared::Shared};

/// Whether an instance of a template needs no sandbox: it is one container, and nothing asks for its address before it
/// runs. Where no sandbox is ready, one container is then made and not two.
pub(crate) fn stands_alone(template: &PodTemplateSpec) -> bool {
    template.spec.as_ref().is_some_and(|spec| {
        spec.containers.len() == 1
            && spec.init_containers.as_ref().is_none_or(Vec::is_empty)
            && spec.host_aliases.as_ref().is_none_or(Vec::is_empty)
            && !spec.containers.iter().any(asks_for_address)
    })
}

fn asks_for_address(container: &Container) -> bool {
    let mut paths = container.env.iter().flatten().filter_map(|variable| {
        let from = variable.value_from.as_ref()?;
        Some(from.field_ref.as_ref()?.field_path.as_str())
    });
    paths.any(|path| path.starts_with("status.podIP"))
}

impl Shared {
    /// Settles where an instance has its network: in the sandbox that it claimed; else, if it may stand alone, nowhere
    /// before it starts; else in a new sandbox. Answers with its address, where that is known.
    pub(crate) async fn settle(
        &self,
        member: &Arc<Member>,
        alone: bool,
    ) -> Result<Option<Ipv4Addr>, StartError> {
        let _turn = member.turn.lock().await;
        if let Some(address) = member.state.lock().address {
            return Ok(Some(address));
        }
        if member.stop.is_cancelled() {
            return Err(StartError::Stopped);
        }
        let claimed = self.pool.take(&member.id);
        member.state.lock().alone = alone && claimed.is_none();
        let sandbox = match claimed {
            Some(sandbox) => sandbox,
            None if alone => return Ok(None),
            None => {
                let made = self.sandboxes.make(&member.id).await;
                made.map_err(|error| start_gone("no network for the instance", error))?
            }
        };
        member.hold(sandbox.container.clone(), "sandbox", Role::Sandbox);
        self.track(&sandbox.container, member);
        member.state.lock().address = Some(sandbox.address);
        Ok(Some(sandbox.address))
    }

    /// Learns the address of an instance that stands alone, once its container runs.
    pub(crate) async fn learn_address(
        &self,
        member: &Member,
        container: &str,
    ) -> Result<(), StartError> {
        let inspected = self
            .engine
            .docker()
            .inspect_container(container, None)
            .await;
        let inspected = inspected.map_err(|error| start_gone("looking at a container", error))?;
        member.state.lock().address = sandbox::address(&inspected, &self.network.name);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_container_that_does_not_ask_where_it_is_stands_alone() {
        let one = json!({ "name": "a" });
        let asks = |path: &str| {
            let from = json!({ "fieldRef": { "fieldPath": path } });
            json!({ "name": "a", "env": [{ "name": "IP", "valueFrom": from }] })
        };
        let rows = [
            (json!({ "containers": [one] }), true),
            (json!({ "containers": [one, { "name": "b" }] }), false),
            (
                json!({ "containers": [one], "initContainers": [one] }),
                false,
            ),
            (
                json!({ "containers": [one], "hostAliases": [{ "ip": "1.2.3.4" }] }),
                false,
            ),
            (json!({ "containers": [asks("status.podIP")] }), false),
            (json!({ "containers": [asks("metadata.name")] }), true),
        ];
        for (spec, alone) in rows {
            let template = serde_json::from_value(json!({ "spec": spec })).unwrap();
            assert_eq!(stands_alone(&template), alone, "{spec}");
        }
    }
}
