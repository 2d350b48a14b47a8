//! Spare capacity for bursts, and how many activators carry it.

use super::saturate;
use crate::autoscaler::policy::DeciderSpec;

/// Activators behind any revision, for availability.
pub const MIN_ACTIVATORS: i32 = 2;

/// Capacity of the really ready replicas beyond the target burst capacity and the load of the panic window. 0 where no
/// burst capacity is wanted, -1 where requests are always to be buffered.
pub(super) fn excess(limits: &DeciderSpec, ready: u32, load: f64) -> i32 {
    let target = limits.target_burst_capacity;
    if target > 0.0 {
        let capacity = f64::from(ready) * limits.total_value;
        saturate((capacity - target - load).floor())
    } else if target < 0.0 {
        -1
    } else {
        0
    }
}

/// Activators needed to carry what the ready replicas can take plus the target burst capacity.
pub fn activators(limits: &DeciderSpec, ready: u32) -> i32 {
    if limits.target_burst_capacity == 0.0 {
        return MIN_ACTIVATORS;
    }
    let capacity = f64::from(ready) * limits.total_value + limits.target_burst_capacity.max(0.0);
    saturate((capacity / limits.activator_capacity).ceil()).max(MIN_ACTIVATORS)
}
