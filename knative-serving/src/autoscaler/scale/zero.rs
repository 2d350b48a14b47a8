//! The way to zero: active, idle for a stable window, inactive behind the activator, gone.

use jiff::{SignedDuration, Timestamp};

use super::{Requeue, ScaleInput, ScaleReason};
use crate::api::networking::ServerlessService;
use crate::api::networking::serverless_service::MODE_PROXY;

/// Time beyond the progress deadline after which an activation has failed. By then the workload's own report of the
/// failure has been seen.
pub const ACTIVATION_BUFFER: SignedDuration = SignedDuration::from_secs(30);
/// Time between two probes for the activator.
pub const PROBE_PERIOD: SignedDuration = SignedDuration::from_secs(1);
/// Time after which probing for the activator ends.
pub const PROBE_TIMEOUT: SignedDuration = SignedDuration::from_secs(45);
/// Time from the end of probing to the next plan.
pub const PROBE_REQUEUE: SignedDuration = SignedDuration::from_secs(1);
/// A `ServerlessService` that proxies already does not change, so that nothing else would cause the next plan.
const PROXIED_REQUEUE: SignedDuration = SignedDuration::from_secs(3);

/// What is wanted, what of it is written now, and when to look again.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) want: Option<i32>,
    pub(super) apply: Option<i32>,
    pub(super) requeue: Option<Requeue>,
}

impl Step {
    pub(super) fn apply(replicas: i32) -> Self {
        Self {
            want: Some(replicas),
            apply: Some(replicas),
            requeue: None,
        }
    }

    pub(super) fn wait(want: Option<i32>) -> Self {
        Self {
            want,
            apply: None,
            requeue: None,
        }
    }

    fn after(self, time: SignedDuration) -> Self {
        Self {
            requeue: Some(Requeue::After(time)),
            ..self
        }
    }
}

/// The step for a revision that should have no replicas.
pub(super) fn descend(
    input: &ScaleInput<'_>,
    sks: &ServerlessService,
    now: Timestamp,
    reasons: &mut Vec<ScaleReason>,
) -> Step {
    if !input.bounds.scale_to_zero.enabled {
        reasons.push(ScaleReason::ScaleToZeroOff);
        return Step::apply(1);
    }
    if let Some(active) = input.status.active_for(now) {
        from_active(input, sks, active, reasons)
    } else if let Some(inactive) = input.status.inactive_for(now) {
        from_inactive(input, sks, inactive, now, reasons)
    } else {
        from_activating(input, now, reasons)
    }
}

/// Instances that never became ready are given up.
fn from_activating(input: &ScaleInput<'_>, now: Timestamp, reasons: &mut Vec<ScaleReason>) -> Step {
    let deadline = input
        .bounds
        .progress_deadline
        .unwrap_or(input.progress_deadline);
    let timeout = deadline + ACTIVATION_BUFFER;
    if input.status.can_fail_activation(now, timeout) {
        reasons.push(ScaleReason::ActivationTimedOut { timeout });
        return Step::apply(0);
    }
    reasons.push(ScaleReason::Activating { timeout });
    Step::wait(None).after(timeout)
}

/// An idle revision keeps one replica for a stable window; then requests are led to the activator first.
fn from_active(
    input: &ScaleInput<'_>,
    sks: &ServerlessService,
    active: SignedDuration,
    reasons: &mut Vec<ScaleReason>,
) -> Step {
    let remaining = input.bounds.stable_window - active;
    if remaining > SignedDuration::ZERO {
        reasons.push(ScaleReason::ActiveTooShort { remaining });
        return Step::apply(1).after(remaining);
    }
    reasons.push(ScaleReason::Idle { active });
    let step = Step::wait(Some(0));
    if sks.spec.mode == MODE_PROXY {
        step.after(PROXIED_REQUEUE)
    } else {
        step
    }
}

/// The last replica goes once no request can reach it past the activator, and not before its retention is over.
fn from_inactive(
    input: &ScaleInput<'_>,
    sks: &ServerlessService,
    inactive: SignedDuration,
    now: Timestamp,
    reasons: &mut Vec<ScaleReason>,
) -> Step {
    if !activator_in_path(input) {
        reasons.push(ScaleReason::ActivatorSilent);
        return Step {
            requeue: Some(Requeue::AfterProbing),
            ..Step::wait(Some(0))
        };
    }
    let grace = input.bounds.scale_to_zero.grace_period;
    let retention = if input.bounds.decider.reachable {
        input.bounds.scale_to_zero.retention
    } else {
        SignedDuration::ZERO
    };
    if inactive < retention {
        let remaining = retention - inactive;
        reasons.push(ScaleReason::Retention { remaining });
        return Step::wait(Some(0)).after(remaining);
    }
    let proxied = sks
        .status
        .as_ref()
        .map_or(SignedDuration::ZERO, |status| status.proxy_for(now));
    let remaining = grace - proxied;
    if inactive < grace && remaining > SignedDuration::ZERO {
        reasons.push(ScaleReason::GracePeriod { remaining });
        return Step::wait(Some(0)).after(remaining);
    }
    reasons.push(ScaleReason::Quiet { inactive });
    Step::apply(0)
}

/// A burst capacity of -1 keeps the activator in the path for good; otherwise its answer is the proof.
fn activator_in_path(input: &ScaleInput<'_>) -> bool {
    let always = input.bounds.decider.target_burst_capacity < 0.0;
    always || (input.activator_answers && !input.status.service_name.is_empty())
}
