//! Kinds between a Revision and the autoscaler.

pub mod annotation;
pub mod metric;
pub mod pod_autoscaler;

pub use metric::{Metric, MetricSpec, MetricStatus};
pub use pod_autoscaler::{PodAutoscaler, PodAutoscalerSpec, PodAutoscalerStatus};
