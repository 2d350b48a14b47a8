//! What is scaled, and what came of it.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use knative_core::runtime::WorkloadId;

use crate::{
    api::autoscaling::PodAutoscalerStatus,
    autoscaler::{
        DeciderStatus, Reason,
        bounds::Bounds,
        scale::{Activity, PlanError, ScaleReason, SksPlan},
    },
    gateway::RevisionKey,
};

/// `progress-deadline` where nothing says otherwise.
const PROGRESS_DEADLINE: SignedDuration = SignedDuration::from_secs(600);

/// A revision to be scaled.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ScaleTarget {
    /// Which one.
    pub revision: RevisionKey,
    /// The workload that runs it.
    pub workload: WorkloadId,
    /// What its instances are made of.
    pub template: Arc<PodTemplateSpec>,
    /// How long a start may take until ready. Default 600 s.
    pub start_timeout: Duration,
    /// What annotations and configuration ask for.
    pub bounds: Bounds,
    /// Time that instances have to become ready, unless an annotation says otherwise. Default 600 s.
    pub progress_deadline: SignedDuration,
    /// The status in the store. Read when the revision is first told of: that is where scaling goes on after a restart.
    pub status: PodAutoscalerStatus,
}

impl ScaleTarget {
    /// A new revision with default times.
    pub fn new(
        revision: RevisionKey,
        workload: WorkloadId,
        template: Arc<PodTemplateSpec>,
        bounds: Bounds,
    ) -> Self {
        Self {
            revision,
            workload,
            template,
            start_timeout: Duration::from_secs(600),
            bounds,
            progress_deadline: PROGRESS_DEADLINE,
            status: PodAutoscalerStatus::default(),
        }
    }
}

/// Where the scale of a revision stands. What a `PodAutoscaler` and its `ServerlessService` show is made of this.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ScaleStatus {
    /// Wanted replicas; none = unknown yet.
    pub desired_scale: Option<i32>,
    /// Ready replicas.
    pub actual_scale: i32,
    /// Replicas that the runtime was asked for last.
    pub requested: u32,
    /// State of condition `Active`; none while nothing is known that would set it.
    pub activity: Option<Activity>,
    /// Whether the first scale was reached.
    pub initialized: bool,
    /// Where requests go, as the `ServerlessService` says it.
    pub sks: Option<SksPlan>,
    /// The policy's latest answer.
    pub decided: DeciderStatus,
    /// Whether the policy is in panic mode.
    pub panic: bool,
    /// What led to the policy's latest answer.
    pub decision: Vec<Reason>,
    /// What led from there to `desired_scale`.
    pub plan: Vec<ScaleReason>,
    /// What went wrong.
    pub failure: Option<PlanError>,
}

impl ScaleStatus {
    /// Whether `other` shows what this shows, but for the measured load.
    pub(super) fn says_as(&self, other: &Self) -> bool {
        let turned = |status: &Self| status.decided.excess_burst_capacity < 0;
        (self.desired_scale, self.actual_scale, self.requested)
            == (other.desired_scale, other.actual_scale, other.requested)
            && (&self.activity, self.initialized, self.sks, self.panic)
                == (&other.activity, other.initialized, other.sks, other.panic)
            && self.failure == other.failure
            && turned(self) == turned(other)
    }
}
