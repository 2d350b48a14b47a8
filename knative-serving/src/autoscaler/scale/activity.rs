//! Condition `Active` of a `PodAutoscaler`.

use jiff::Timestamp;

use super::{ScaleInput, StatusPlan};
use crate::api::autoscaling::PodAutoscalerStatus;
use crate::api::autoscaling::pod_autoscaler::lifecycle::{
    NO_TRAFFIC, NO_TRAFFIC_MESSAGE, QUEUED, QUEUED_MESSAGE, TIMED_OUT, TIMED_OUT_MESSAGE,
};

/// State of condition `Active`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activity {
    /// True: enough replicas are ready.
    Active,
    /// Unknown: replicas are on their way.
    Activating,
    /// False: there is no traffic.
    NoTraffic,
    /// False: replicas did not become ready in time.
    TimedOut,
    /// False: the `ServerlessService` belongs to somebody else.
    NotOwned {
        /// Its name.
        name: String,
    },
}

impl Activity {
    pub(super) fn mark(&self, status: &mut PodAutoscalerStatus, now: Timestamp) {
        match self {
            Self::Active => status.mark_active(now),
            Self::Activating => status.mark_activating(QUEUED, QUEUED_MESSAGE, now),
            Self::NoTraffic => status.mark_inactive(NO_TRAFFIC, NO_TRAFFIC_MESSAGE, now),
            Self::TimedOut => status.mark_inactive(TIMED_OUT, TIMED_OUT_MESSAGE, now),
            Self::NotOwned { name } => {
                status.mark_resource_not_owned("ServerlessService", name, now);
            }
        }
    }
}

/// Fills in scales, whether the first scale is reached, and the new activity.
pub(super) fn observe(
    input: &ScaleInput<'_>,
    want: Option<i32>,
    ready: u32,
    service_name: &str,
    status: &mut StatusPlan,
) {
    let ready = i32::try_from(ready).unwrap_or(i32::MAX);
    let threshold = threshold(input);
    status.desired_scale = want;
    status.actual_scale = Some(ready);
    status.initialized = ready >= threshold && !service_name.is_empty();
    status.activity = next(input.status, want, ready, threshold);
}

/// Replicas from which on the revision counts as active. 0 only before the first scale, where that is 0.
fn threshold(input: &ScaleInput<'_>) -> i32 {
    let floor = if input.status.is_scale_target_initialized() {
        1
    } else {
        input.bounds.decider.initial_scale
    };
    input.bounds.min_scale.max(floor)
}

fn next(
    before: &PodAutoscalerStatus,
    want: Option<i32>,
    ready: i32,
    threshold: i32,
) -> Option<Activity> {
    let inactive = before.is_inactive();
    if want == Some(0) || threshold == 0 {
        let activating = !inactive && !before.is_active();
        return Some(if activating && threshold > 0 {
            Activity::TimedOut
        } else {
            Activity::NoTraffic
        });
    }
    let awake = !inactive || want.is_some_and(|want| want > 0);
    if ready >= threshold {
        awake.then_some(Activity::Active)
    } else if awake {
        Some(Activity::Activating)
    } else {
        Some(Activity::NoTraffic)
    }
}
