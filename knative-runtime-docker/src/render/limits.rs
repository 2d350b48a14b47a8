//! Resources, in the engine's units.

use bollard::models::HostConfig;
use k8s_openapi::{
    api::core::v1::ResourceRequirements, apimachinery::pkg::api::resource::Quantity as Text,
};
use knative_core::object::Quantity;
use thiserror::Error;

use crate::disk;

/// In which time a container may use how much of a processor, and how little that may be, as a kubelet gives them: in
/// microseconds. The engine's own unit for both would refuse a limit above the machine's processors.
const CPU_PERIOD: (i64, i64) = (100_000, 1000);
/// The weight of a whole processor, and the smallest weight there is, as a kubelet gives them.
const CPU_SHARES: (i64, i64) = (1024, 2);

/// The smallest reservation of memory that the engine takes, in bytes.
const LEAST_RESERVED: i64 = 6 << 20;

/// A quantity that is none, or too large.
#[derive(Debug, Error)]
#[error("resources: {0:?} is not a quantity that can be given to a container")]
pub(crate) struct BadQuantity(String);

/// Requests and limits, as a kubelet passes them on: without swap beyond the memory's limit. Where a disk's is bounded,
/// `written` counts besides.
pub(crate) fn limits(
    resources: &ResourceRequirements,
    written: Option<i64>,
) -> Result<HostConfig, BadQuantity> {
    let get = |map: &Option<std::collections::BTreeMap<String, Text>>, name: &str| {
        map.as_ref().and_then(|map| map.get(name).cloned())
    };
    let memory = get(&resources.limits, "memory").map(bytes).transpose()?;
    let cpu = get(&resources.limits, "cpu").map(milli).transpose()?;
    let cpu = cpu.filter(|cpu| *cpu > 0);
    let reserved = get(&resources.requests, "memory").map(bytes).transpose()?;
    let weight = get(&resources.requests, "cpu").map(milli).transpose()?;
    let disk = get(&resources.limits, "ephemeral-storage");
    let disk = disk.filter(|_| written.is_some()).map(bytes).transpose()?;
    let disk = disk.filter(|disk| *disk > 0).zip(written);
    Ok(HostConfig {
        memory,
        memory_swap: memory,
        // The engine refuses a reservation above the limit, as Kubernetes' validation does before, and a very small one.
        memory_reservation: reserved.filter(|reserved| *reserved >= LEAST_RESERVED),
        cpu_period: cpu.map(|_| CPU_PERIOD.0),
        cpu_quota: cpu.map(|cpu| (cpu.saturating_mul(CPU_PERIOD.0 / 1000)).max(CPU_PERIOD.1)),
        cpu_shares: weight.map(|cpu| (cpu.saturating_mul(CPU_SHARES.0) / 1000).max(CPU_SHARES.1)),
        storage_opt: disk.map(|(limit, written)| disk::limit(limit.saturating_add(written))),
        ..HostConfig::default()
    })
}

fn bytes(text: Text) -> Result<i64, BadQuantity> {
    let parsed = text.0.parse::<Quantity>().ok();
    parsed
        .and_then(|quantity| quantity.value())
        .ok_or(BadQuantity(text.0))
}

fn milli(text: Text) -> Result<i64, BadQuantity> {
    let parsed = text.0.parse::<Quantity>().ok();
    parsed
        .and_then(|quantity| quantity.milli_value())
        .ok_or(BadQuantity(text.0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quantities_become_the_engines_units() {
        let resources = serde_json::from_value(json!({
            "limits": { "memory": "64Mi", "cpu": "250m", "ephemeral-storage": "1Gi" },
            "requests": { "memory": "32Mi", "cpu": "1m" },
        }))
        .unwrap();
        let made = limits(&resources, Some(1)).unwrap();
        assert_eq!(made.memory, Some(64 << 20));
        assert_eq!(made.memory_swap, made.memory);
        assert_eq!(made.memory_reservation, Some(32 << 20));
        assert_eq!(
            (made.cpu_period, made.cpu_quota),
            (Some(100_000), Some(25_000))
        );
        assert_eq!(made.cpu_shares, Some(2));
        assert_eq!(made.storage_opt, Some(disk::limit((1 << 30) + 1)));
        assert_eq!(limits(&resources, None).unwrap().storage_opt, None);
        for (cpu, quota) in [("1m", Some(1000)), ("256", Some(25_600_000)), ("0", None)] {
            let limited = serde_json::from_value(json!({ "limits": { "cpu": cpu } })).unwrap();
            assert_eq!(limits(&limited, None).unwrap().cpu_quota, quota, "{cpu}");
        }
        let small = serde_json::from_value(json!({ "requests": { "memory": "4Mi" } })).unwrap();
        assert_eq!(limits(&small, None).unwrap().memory_reservation, None);
        let bad = serde_json::from_value(json!({ "limits": { "memory": "lots" } })).unwrap();
        assert!(limits(&bad, None).is_err());
    }
}
