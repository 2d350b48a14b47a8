//! Conditions of a Metric.

use jiff::Timestamp;
use knative_core::Conditioned;
use knative_core::condition::READY;

use super::{Metric, MetricStatus};
use crate::api::lifecycle::conditioned;

conditioned!(Metric, MetricStatus, []);

impl MetricStatus {
    /// The metric is collected.
    pub fn mark_metric_ready(&mut self, now: Timestamp) {
        self.manage(now).mark_true(READY);
    }

    /// Nothing was collected yet.
    pub fn mark_metric_not_ready(&mut self, reason: &str, message: &str, now: Timestamp) {
        self.manage(now).mark_unknown(READY, reason, message);
    }

    /// The metric cannot be collected.
    pub fn mark_metric_failed(&mut self, reason: &str, message: &str, now: Timestamp) {
        self.manage(now).mark_false(READY, reason, message);
    }
}
