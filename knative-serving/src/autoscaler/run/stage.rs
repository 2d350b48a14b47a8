//! What a revision's scale has been through, small enough to be kept for each revision at zero. Pure.

use jiff::{SignedDuration, Timestamp};
use knative_core::Conditioned;

use super::ScaleTarget;
use crate::{
    api::{
        autoscaling::{PodAutoscalerStatus, pod_autoscaler::lifecycle::ACTIVE},
        networking::{ServerlessService, serverless_service::ServerlessServiceStatus},
    },
    autoscaler::{
        DeciderStatus,
        kpa::MIN_ACTIVATORS,
        scale::{self, Activity, Plan, ScaleInput, SksMode, SksPlan, StatusPlan},
    },
};

/// What the rules of scale to zero look back at.
#[derive(Debug)]
pub(super) struct Stage {
    activity: Option<Activity>,
    since: Timestamp,
    pub(super) initialized: bool,
    sks: SksPlan,
    /// Since when requests are led through the buffer, if they are.
    proxied: Option<Timestamp>,
}

impl Stage {
    /// Where the stored status left off.
    pub(super) fn resumed(status: &PodAutoscalerStatus, now: Timestamp) -> Self {
        let activity = if status.is_active() {
            Some(Activity::Active)
        } else if status.is_inactive() {
            Some(Activity::NoTraffic)
        } else {
            None
        };
        let active = status.condition(ACTIVE);
        let since = active.and_then(|active| active.last_transition_time);
        Self {
            activity,
            since: since.unwrap_or(now),
            initialized: status.is_scale_target_initialized(),
            sks: SksPlan {
                mode: SksMode::Proxy,
                num_activators: MIN_ACTIVATORS,
            },
            proxied: Some(now),
        }
    }

    pub(super) const fn activity(&self) -> Option<&Activity> {
        self.activity.as_ref()
    }

    /// Plans the scale and moves on. The gateway is always in the path of requests and answers for itself, as an activator
    /// that never leaves.
    pub(super) fn plan(
        &mut self,
        target: &ScaleTarget,
        decided: DeciderStatus,
        replicas: u32,
        ready: u32,
        now: Timestamp,
    ) -> Plan {
        let status = self.status(target);
        let sks = self.service(target);
        let input = ScaleInput {
            bounds: &target.bounds,
            progress_deadline: target.progress_deadline,
            status: &status,
            sks: Some(&sks),
            sks_owned: true,
            decided,
            replicas: Some(i32::try_from(replicas).unwrap_or(i32::MAX)),
            ready,
            activator_answers: true,
        };
        let plan = scale::plan(&input, now);
        self.advance(&plan, now);
        plan
    }

    fn advance(&mut self, plan: &Plan, now: Timestamp) {
        self.initialized |= plan.status.initialized;
        if let Some(activity) = &plan.status.activity
            && self.activity.as_ref() != Some(activity)
        {
            self.activity = Some(activity.clone());
            self.since = now;
        }
        if let Some(sks) = plan.sks {
            self.sks = sks;
            self.proxied = match sks.mode {
                SksMode::Proxy => self.proxied.or(Some(now)),
                SksMode::Serve => None,
            };
        }
    }

    /// How long the revision has been inactive.
    pub(super) fn inactive_for(&self, now: Timestamp) -> Option<SignedDuration> {
        let inactive = matches!(
            self.activity,
            Some(Activity::NoTraffic | Activity::TimedOut)
        );
        inactive.then(|| now.duration_since(self.since))
    }

    fn status(&self, target: &ScaleTarget) -> PodAutoscalerStatus {
        let mut status = PodAutoscalerStatus::default();
        let so_far = StatusPlan {
            service_name: Some(target.revision.name.as_ref().to_owned()),
            sks: Some(Ok(())),
            initialized: self.initialized,
            activity: self.activity.clone(),
            ..StatusPlan::default()
        };
        so_far.apply(&mut status, self.since);
        status
    }

    fn service(&self, target: &ScaleTarget) -> ServerlessService {
        let name = target.revision.name.as_ref();
        let mut status = ServerlessServiceStatus {
            service_name: name.to_owned(),
            private_service_name: format!("{name}-private"),
            ..ServerlessServiceStatus::default()
        };
        status.initialize_conditions(self.since);
        status.mark_endpoints_ready(self.since);
        if let Some(proxied) = self.proxied {
            status.mark_activator_endpoints_populated(proxied);
        }
        let mut service = ServerlessService::default();
        self.sks.mode.as_str().clone_into(&mut service.spec.mode);
        service.spec.num_activators = self.sks.num_activators;
        service.status = Some(status);
        service
    }
}
