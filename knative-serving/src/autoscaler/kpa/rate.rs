//! What the load needs, within what the scale rates allow.

use super::saturate;
use crate::autoscaler::policy::DeciderSpec;
use crate::autoscaler::reason::{Mode, Reason};

/// Replicas that the load of one window needs, before any limit.
#[derive(Debug)]
pub(super) struct Demand {
    mode: Mode,
    average: f64,
    replicas: f64,
}

impl Demand {
    pub(super) fn of(mode: Mode, average: f64, limits: &DeciderSpec) -> Self {
        Self {
            mode,
            average,
            replicas: (average / limits.target_value).ceil(),
        }
    }
}

/// How far the load exceeds the ready replicas.
#[derive(Debug)]
pub(super) struct Overload {
    /// Replicas needed per ready one.
    pub(super) ratio: f64,
    /// The ratio at which panic begins.
    pub(super) threshold: f64,
}

impl Overload {
    pub(super) fn is_over(&self) -> bool {
        self.ratio >= self.threshold
    }
}

/// The range of one decision, from the ready replicas and the scale rates.
#[derive(Debug)]
pub(super) struct Rates {
    ready: f64,
    lowest: f64,
    highest: f64,
}

impl Rates {
    /// Rounded outwards, so that a rate near 1 still lets the number change. No ready replica counts as one, else
    /// nothing could grow from zero. An unreachable revision may shrink at once.
    pub(super) fn new(limits: &DeciderSpec, ready: u32) -> Self {
        let ready = f64::from(ready.max(1));
        let lowest = if limits.reachable {
            (ready / limits.max_scale_down_rate).floor()
        } else {
            0.0
        };
        Self {
            ready,
            lowest,
            highest: (limits.max_scale_up_rate * ready).ceil(),
        }
    }

    /// The demand within the rates, at least the activation scale if there is any demand.
    pub(super) fn bound(
        &self,
        demand: &Demand,
        limits: &DeciderSpec,
        reasons: &mut Vec<Reason>,
    ) -> i32 {
        let mode = demand.mode;
        reasons.push(Reason::Load {
            mode,
            average: demand.average,
            target: limits.target_value,
            replicas: saturate(demand.replicas),
        });
        let replicas = saturate(demand.replicas.max(self.lowest).min(self.highest));
        if demand.replicas > self.highest {
            reasons.push(Reason::ScaleUpRate {
                mode,
                limit: replicas,
            });
        } else if demand.replicas < self.lowest {
            reasons.push(Reason::ScaleDownRate {
                mode,
                limit: replicas,
            });
        }
        activate(demand, replicas, limits.activation_scale, reasons)
    }

    pub(super) fn overload(&self, panic: &Demand, limits: &DeciderSpec) -> Overload {
        Overload {
            ratio: panic.replicas / self.ready,
            threshold: limits.panic_threshold,
        }
    }
}

fn activate(demand: &Demand, replicas: i32, scale: i32, reasons: &mut Vec<Reason>) -> i32 {
    if scale <= 1 || demand.replicas <= 0.0 || replicas >= scale {
        return replicas;
    }
    reasons.push(Reason::ActivationScale {
        mode: demand.mode,
        scale,
    });
    scale
}
