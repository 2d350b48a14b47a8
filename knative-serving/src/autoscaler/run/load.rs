//! The measured load of a revision that is not at rest, and what the policy makes of it. Pure.

use jiff::Timestamp;

use super::ScaleTarget;
use crate::{
    autoscaler::{Collection, Decider, DeciderStatus, Observation, Reason, Stat},
    gateway::Report,
};

/// What a first request counts as, so that it is decided upon at once instead of at the end of the second.
const FIRST_REQUEST: Stat = Stat {
    average_concurrency: 1.0,
    average_proxied_concurrency: 0.0,
    request_count: 1.0,
    proxied_request_count: 0.0,
};

#[derive(Debug)]
pub(super) struct Load {
    collection: Collection,
    decider: Decider,
    /// The first request was counted ahead of its report.
    ahead: bool,
    /// Something was measured: from then on silence is no load.
    measured: bool,
    pub(super) panic: bool,
    pub(super) reasons: Vec<Reason>,
}

impl Load {
    pub(super) fn new(target: &ScaleTarget, ready: u32, now: Timestamp) -> Self {
        Self {
            collection: Collection::new(&target.bounds.collect_spec()),
            decider: Decider::kpa(target.bounds.decider.clone(), ready, now),
            ahead: false,
            measured: false,
            panic: false,
            reasons: Vec::new(),
        }
    }

    pub(super) fn update(&mut self, target: &ScaleTarget, now: Timestamp) {
        let spec = target.bounds.collect_spec();
        if self.collection.algorithm() == spec.algorithm {
            self.collection.update(&spec, now);
        } else {
            self.collection = Collection::new(&spec);
        }
        self.decider.update(target.bounds.decider.clone());
    }

    /// Takes in that a request waits for the first instance.
    pub(super) fn first_request(&mut self, now: Timestamp) {
        if !self.ahead {
            (self.ahead, self.measured) = (true, true);
            self.collection.record(now, &FIRST_REQUEST);
        }
    }

    /// Takes in a second's load. Before there were instances or requests there is nothing to report; a wake that came to
    /// nothing, on the other hand, must not count for ever.
    pub(super) fn record(&mut self, report: &Report, ready: u32, now: Timestamp) {
        let mut stat = Stat {
            average_concurrency: report.average_concurrency,
            request_count: report.requests_per_second(),
            ..Stat::default()
        };
        if std::mem::take(&mut self.ahead) {
            stat.average_concurrency = (stat.average_concurrency - 1.0).max(0.0);
            stat.request_count = (stat.request_count - 1.0).max(0.0);
        }
        self.measured |= ready > 0 || report.requests > 0 || report.average_concurrency > 0.0;
        if self.measured {
            self.collection.record(now, &stat);
        }
    }

    /// Asks the policy; while nothing was measured its last answer stands.
    pub(super) fn decide(&mut self, ready: u32, now: Timestamp) -> DeciderStatus {
        let metric = &self.decider.spec().scaling_metric;
        if let Ok(averages) = self.collection.averages(metric, now) {
            let observed = Observation { ready, averages };
            let decision = self.decider.tick(&observed, now).decision;
            self.panic = decision.panic;
            self.reasons = decision.reasons;
        }
        self.decider.status()
    }
}
