//! One revision in the scaler. Pure but for asking the gateway.

use jiff::Timestamp;
use knative_core::runtime::{InstanceId, Workload};
use tokio_util::time::delay_queue;

use super::{ScaleStatus, ScaleTarget, fleet::Fleet, load::Load, stage::Stage};
use crate::{
    api::autoscaling::PodAutoscalerStatus,
    autoscaler::{
        DeciderStatus,
        scale::{Activity, Plan},
    },
    gateway::Report,
};

/// What the runtime was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) replicas: u32,
    pub(super) retire: Vec<InstanceId>,
}

/// A revision and its scale. At rest (zero replicas, nothing under way) it is no more than this.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) target: Box<ScaleTarget>,
    stage: Stage,
    decided: DeciderStatus,
    /// Replicas that the latest plan wants.
    wanted: u32,
    /// Instances that ran before the revision was told of, until the policy has heard of them: after a restart it holds as
    /// many until the load is known.
    found: u32,
    pub(super) wish: Option<Wish>,
    /// A wish is being told to the runtime.
    pub(super) telling: bool,
    load: Option<Box<Load>>,
    pub(super) timer: Option<delay_queue::Key>,
    /// Loads are recorded at each tick, decisions made at every other.
    odd: bool,
}

impl Unit {
    /// `running` instances were found; none of them is to go before the load is known, unless the status says so.
    pub(super) fn new(mut target: Box<ScaleTarget>, running: u32, now: Timestamp) -> Self {
        let status = std::mem::take(&mut target.status);
        let known = status.desired_scale.filter(|scale| *scale >= 0);
        let wanted = known.map_or_else(|| first_scale(&target).max(running), count);
        // What runs when measuring begins is what a policy begins with, not what is ready at its first decision.
        let load = (wanted > 0).then(|| Box::new(Load::new(&target, running, now)));
        Self {
            wanted,
            decided: DeciderStatus {
                desired_scale: known,
                ..DeciderStatus::initial(&target.bounds.decider)
            },
            stage: Stage::resumed(&status, now),
            target,
            found: running,
            wish: None,
            telling: false,
            load,
            timer: None,
            odd: false,
        }
    }

    /// Scales as `target` says from now on. A new template is told to the runtime even if nothing else changes.
    pub(super) fn set_target(&mut self, target: Box<ScaleTarget>, now: Timestamp) {
        let same = self.target.template == target.template
            && self.target.start_timeout == target.start_timeout;
        if !same {
            self.wish = None;
        }
        self.target = target;
        self.target.status = PodAutoscalerStatus::default();
        if let Some(load) = &mut self.load {
            load.update(&self.target, now);
        }
    }

    pub(super) const fn wanted(&self) -> u32 {
        self.wanted
    }

    /// Whether a first request has to be told to the policy.
    pub(super) const fn is_at_zero(&self) -> bool {
        self.wanted == 0
    }

    fn load(&mut self, now: Timestamp) -> &mut Load {
        let target = &self.target;
        let found = std::mem::take(&mut self.found);
        self.load
            .get_or_insert_with(|| Box::new(Load::new(target, found, now)))
    }

    /// A request waits while there is no replica.
    pub(super) fn wake(&mut self, ready: u32, now: Timestamp) -> Plan {
        let load = self.load(now);
        load.first_request(now);
        self.decided = load.decide(ready, now);
        self.odd = false;
        self.plan(ready, now)
    }

    /// A second passed.
    pub(super) fn tick(&mut self, report: &Report, ready: u32, now: Timestamp) -> Option<Plan> {
        let load = self.load(now);
        load.record(report, ready, now);
        self.odd = !self.odd;
        if self.odd {
            return None;
        }
        let decided = self.load(now).decide(ready, now);
        // What was decided before a restart stands until there is something to decide upon.
        let before = self.decided;
        if decided.desired_scale.is_some() || before.desired_scale.is_none() {
            self.decided = decided;
        }
        (!self.is_steady(before)).then(|| self.plan(ready, now))
    }

    /// Whether another plan would say what the last one said: only the way to zero and the way up depend on the time.
    fn is_steady(&self, before: DeciderStatus) -> bool {
        let turned = |status: DeciderStatus| status.excess_burst_capacity < 0;
        self.stage.activity() == Some(&Activity::Active)
            && self.decided.desired_scale.is_some_and(|scale| scale > 0)
            && self.decided.desired_scale == before.desired_scale
            && turned(self.decided) == turned(before)
    }

    /// Plans by what was decided last.
    pub(super) fn plan(&mut self, ready: u32, now: Timestamp) -> Plan {
        let plan = self
            .stage
            .plan(&self.target, self.decided, self.wanted, ready, now);
        if let Some(scale) = plan.scale_to {
            self.wanted = count(scale);
        }
        plan
    }

    /// Keeps one replica for requests that came while the way to zero was planned.
    pub(super) fn keep_one(&mut self) {
        self.wanted = self.wanted.max(1);
    }

    /// What the runtime should be told, unless it was.
    pub(super) fn new_wish(&self, fleet: &Fleet) -> Option<Wish> {
        let wish = Wish {
            replicas: self.wanted + fleet.draining(),
            retire: fleet.to_retire(),
        };
        (self.wish.as_ref() != Some(&wish)).then_some(wish)
    }

    /// Whether the runtime may be stopping an instance.
    pub(super) fn was_told_to_retire(&self, id: &InstanceId) -> bool {
        let wish = self.wish.as_ref();
        wish.is_some_and(|wish| wish.retire.contains(id))
    }

    pub(super) fn workload(&self, wish: &Wish) -> Workload {
        let template = std::sync::Arc::clone(&self.target.template);
        let mut workload = Workload::new(self.target.workload.clone(), template, wish.replicas);
        workload.retire.clone_from(&wish.retire);
        workload.start_timeout = self.target.start_timeout;
        workload
    }

    /// Whether, without instances, nothing happens until a request comes or the target changes.
    pub(super) fn is_at_rest(&self, now: Timestamp) -> bool {
        self.wanted == 0
            && !self.telling
            && self.wish.is_some()
            && self.stage.inactive_for(now).is_some()
    }

    /// Gives back what only a revision with load needs. The windows of one at zero hold nothing but zeros.
    pub(super) fn rest(&mut self) {
        self.load = None;
        self.odd = false;
    }

    pub(super) fn status(&self, plan: &Plan, ready: u32) -> ScaleStatus {
        let load = self.load.as_deref();
        ScaleStatus {
            desired_scale: plan.status.desired_scale,
            actual_scale: i32::try_from(ready).unwrap_or(i32::MAX),
            requested: self.wanted,
            activity: self.stage.activity().cloned(),
            initialized: self.stage.initialized,
            sks: plan.sks,
            decided: self.decided,
            panic: load.is_some_and(|load| load.panic),
            decision: load.map(|load| load.reasons.clone()).unwrap_or_default(),
            plan: plan.reasons.clone(),
            failure: plan.failure.clone(),
        }
    }
}

/// Replicas of a new revision before anything is decided.
fn first_scale(target: &ScaleTarget) -> u32 {
    let bounds = &target.bounds;
    let scale = bounds.decider.initial_scale.max(bounds.min_scale);
    if bounds.max_scale > 0 {
        return count(scale.min(bounds.max_scale.max(bounds.min_scale)));
    }
    count(scale)
}

fn count(scale: i32) -> u32 {
    u32::try_from(scale).unwrap_or(0)
}
