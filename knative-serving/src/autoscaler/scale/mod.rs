//! What is done about a decision: bounds, the way to zero and back, and where requests go meanwhile.
//!
//! [`plan`] takes what is known of a revision and says what to write; it touches nothing itself.

mod activity;
mod reason;
mod service;
mod status;
mod zero;

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use self::zero::Step;
use super::bounds::Bounds;
use super::decider::DeciderStatus;
use super::kpa::{MIN_ACTIVATORS, activators};
use crate::api::autoscaling::PodAutoscalerStatus;
use crate::api::networking::ServerlessService;

pub use self::activity::Activity;
pub use self::reason::ScaleReason;
pub use self::service::{SksMode, SksPlan};
pub use self::status::StatusPlan;
pub use self::zero::{ACTIVATION_BUFFER, PROBE_PERIOD, PROBE_REQUEUE, PROBE_TIMEOUT};

/// What is known of a revision when its scale is planned.
#[derive(Debug, Clone, Copy)]
pub struct ScaleInput<'a> {
    /// What annotations and configuration ask for.
    pub bounds: &'a Bounds,
    /// Time that instances have to become ready, unless an annotation says otherwise.
    pub progress_deadline: SignedDuration,
    /// The `PodAutoscaler`'s status so far. Missing conditions count as unknown since now.
    pub status: &'a PodAutoscalerStatus,
    /// The `ServerlessService`, if it exists.
    pub sks: Option<&'a ServerlessService>,
    /// Whether that one belongs to the `PodAutoscaler`.
    pub sks_owned: bool,
    /// The latest decision.
    pub decided: DeciderStatus,
    /// Replicas that the workload asks for; none if there is no workload.
    pub replicas: Option<i32>,
    /// Replicas that are ready.
    pub ready: u32,
    /// Whether a probe of the revision's address was answered by the activator: it is in the path of requests.
    pub activator_answers: bool,
}

/// What to do about a revision's scale, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Replicas to write to the workload; none where it stays as it is.
    pub scale_to: Option<i32>,
    /// When to plan again without any other cause.
    pub requeue: Option<Requeue>,
    /// How the `ServerlessService` should be; none where it is left alone because of a failure.
    pub sks: Option<SksPlan>,
    /// What to write to the status.
    pub status: StatusPlan,
    /// What went wrong. What the plan says besides still holds.
    pub failure: Option<PlanError>,
    /// What led to the plan.
    pub reasons: Vec<ScaleReason>,
}

/// When to plan again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeue {
    /// After this time.
    After(SignedDuration),
    /// Probe the revision's address at once and then every [`PROBE_PERIOD`], for [`PROBE_TIMEOUT`] or until the activator
    /// answers; plan again [`PROBE_REQUEUE`] later in either case.
    AfterProbing,
}

/// Why a plan could not be made in full.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// There is no workload to scale.
    #[error("error scaling target: the scale target does not exist")]
    ScaleTargetMissing,
    /// A `ServerlessService` of that name belongs to somebody else.
    #[error("error reconciling SKS: the PodAutoscaler does not own it")]
    SksNotOwned,
}

/// Plans the scale of a revision at `now`.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use jiff::{SignedDuration, Timestamp};
/// use knative_serving::api::autoscaling::PodAutoscalerStatus;
/// use knative_serving::autoscaler::bounds::Bounds;
/// use knative_serving::autoscaler::scale::{ScaleInput, SksMode, plan};
/// use knative_serving::autoscaler::DeciderStatus;
///
/// let bounds = Bounds::resolve(&BTreeMap::new(), 0, "Reachable", &Default::default());
/// let plan = plan(
///     &ScaleInput {
///         bounds: &bounds,
///         progress_deadline: SignedDuration::from_secs(600),
///         status: &PodAutoscalerStatus::default(),
///         sks: None,
///         sks_owned: true,
///         decided: DeciderStatus::initial(&bounds.decider),
///         replicas: Some(1),
///         ready: 0,
///         activator_answers: false,
///     },
///     Timestamp::UNIX_EPOCH,
/// );
/// assert_eq!(plan.sks.unwrap().mode, SksMode::Proxy);
/// assert_eq!(plan.scale_to, None);
/// ```
pub fn plan(input: &ScaleInput<'_>, now: Timestamp) -> Plan {
    let private = |sks: &&ServerlessService| !service::private_name(sks).is_empty();
    match input.sks.filter(private) {
        Some(sks) => with_services(input, sks, now),
        None => without_services(input),
    }
}

/// Before anything is measured or scaled, the `ServerlessService` has to name its private Service.
fn without_services(input: &ScaleInput<'_>) -> Plan {
    let reasons = vec![ScaleReason::NoPrivateService];
    let mut status = StatusPlan::default();
    if input.sks.is_some() && !input.sks_owned {
        return not_owned(input, None, None, status, reasons);
    }
    status.sks = Some(Err("No Private Service Name".to_owned()));
    activity::observe(input, None, 0, &input.status.service_name, &mut status);
    let sks = SksPlan {
        mode: SksMode::Proxy,
        num_activators: MIN_ACTIVATORS,
    };
    Plan {
        scale_to: None,
        requeue: None,
        sks: Some(sks),
        status,
        failure: None,
        reasons,
    }
}

fn with_services(input: &ScaleInput<'_>, sks: &ServerlessService, now: Timestamp) -> Plan {
    let mut reasons = Vec::new();
    let mut status = StatusPlan {
        metrics_service_name: Some(service::private_name(sks).to_owned()),
        ..StatusPlan::default()
    };
    let step = resize(input, sks, now, &mut reasons);
    let requeue = step.requeue;
    if step.apply.is_some() && input.replicas.is_none() {
        let failure = Some(PlanError::ScaleTargetMissing);
        return Plan {
            scale_to: None,
            requeue,
            sks: None,
            status,
            failure,
            reasons,
        };
    }
    let scale_to = step.apply.filter(|wanted| Some(*wanted) != input.replicas);
    if !input.sks_owned {
        return not_owned(input, scale_to, requeue, status, reasons);
    }
    let mode = service::mode(step.want, input.decided.excess_burst_capacity, &mut reasons);
    let num_activators = activators(&input.bounds.decider, input.ready);
    service::observe(sks, &mut status);
    let service_name = status.service_name.clone().unwrap_or_default();
    activity::observe(input, step.want, input.ready, &service_name, &mut status);
    let sks = Some(SksPlan {
        mode,
        num_activators,
    });
    Plan {
        scale_to,
        requeue,
        sks,
        status,
        failure: None,
        reasons,
    }
}

fn not_owned(
    input: &ScaleInput<'_>,
    scale_to: Option<i32>,
    requeue: Option<Requeue>,
    status: StatusPlan,
    reasons: Vec<ScaleReason>,
) -> Plan {
    let name = input
        .sks
        .and_then(|sks| sks.metadata.name.clone())
        .unwrap_or_default();
    let status = StatusPlan {
        activity: Some(Activity::NotOwned { name }),
        ..status
    };
    let failure = Some(PlanError::SksNotOwned);
    Plan {
        scale_to,
        requeue,
        sks: None,
        status,
        failure,
        reasons,
    }
}

/// The decision within its bounds, and at 0 what the way to zero allows.
fn resize(
    input: &ScaleInput<'_>,
    sks: &ServerlessService,
    now: Timestamp,
    reasons: &mut Vec<ScaleReason>,
) -> Step {
    let activating = !input.status.is_active() && !input.status.is_inactive();
    if input.decided.desired_scale.is_none() && !activating {
        reasons.push(ScaleReason::Unknown);
        return Step::wait(None);
    }
    let wanted = clamp(input, input.decided.desired_scale.unwrap_or(0), reasons);
    match wanted {
        0 => zero::descend(input, sks, now, reasons),
        wanted => Step::apply(wanted),
    }
}

/// Minimum (or initial scale, until that was reached) and maximum. Where they contradict, the minimum wins.
fn clamp(input: &ScaleInput<'_>, wanted: i32, reasons: &mut Vec<ScaleReason>) -> i32 {
    let Bounds {
        min_scale,
        max_scale,
        decider,
        ..
    } = input.bounds;
    let initial = decider.initial_scale;
    let starting = decider.reachable && !input.status.is_scale_target_initialized();
    let floor = if starting && initial > 1 { initial } else { 0 };
    let lowest = (*min_scale).max(floor);
    if wanted < lowest {
        reasons.push(if lowest > *min_scale {
            ScaleReason::InitialScale {
                wanted,
                scale: lowest,
            }
        } else {
            ScaleReason::MinScale {
                wanted,
                scale: lowest,
            }
        });
        return lowest;
    }
    if *max_scale > 0 && wanted > *max_scale {
        reasons.push(ScaleReason::MaxScale {
            wanted,
            scale: *max_scale,
        });
        return *max_scale;
    }
    wanted
}

#[cfg(test)]
mod tests;
