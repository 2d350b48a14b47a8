//! When a probe asks, and how many answers count. Pure.

use std::time::Duration;

use k8s_openapi::api::core::v1::Probe;

/// How often an instance is asked while `periodSeconds` is 0, which Knative reads as "as soon as possible".
const AGGRESSIVE_PERIOD: Duration = Duration::from_millis(2);
/// How long one answer may take by default, as in Kubernetes.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);
/// The default period, as in Kubernetes.
const DEFAULT_PERIOD: Duration = Duration::from_secs(10);
/// How many failures in a row count by default, as in Kubernetes.
const DEFAULT_FAILURES: u32 = 3;

/// A probe's timing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// How long to wait before the first question.
    pub initial_delay: Duration,
    /// How long to wait between questions once the instance is ready.
    pub period: Duration,
    /// How long to wait between questions until the first success.
    pub first_period: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How many successes in a row make a success.
    pub successes: u32,
    /// How many failures in a row make a failure.
    pub failures: u32,
    /// How long a container may take to end that failed; as its pod says if `None`.
    pub grace: Option<Duration>,
}

impl Schedule {
    /// A probe's timing, with Kubernetes' defaults; `periodSeconds: 0` is aggressive until the first success.
    pub fn of(probe: &Probe) -> Self {
        let aggressive = probe.period_seconds == Some(0);
        let period = seconds(probe.period_seconds).unwrap_or(DEFAULT_PERIOD);
        Self {
            initial_delay: seconds(probe.initial_delay_seconds).unwrap_or_default(),
            period,
            first_period: if aggressive {
                AGGRESSIVE_PERIOD
            } else {
                period
            },
            timeout: seconds(probe.timeout_seconds).unwrap_or(DEFAULT_TIMEOUT),
            successes: count(probe.success_threshold).unwrap_or(1),
            failures: count(probe.failure_threshold).unwrap_or(DEFAULT_FAILURES),
            grace: probe
                .termination_grace_period_seconds
                .and_then(|seconds| u64::try_from(seconds).ok())
                .map(Duration::from_secs),
        }
    }
}

/// A positive number of seconds; 0 and less stand for the default.
fn seconds(value: Option<i32>) -> Option<Duration> {
    let seconds = u64::try_from(value?).ok()?;
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

fn count(value: Option<i32>) -> Option<u32> {
    u32::try_from(value?).ok().filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_period_is_aggressive_until_the_first_success() {
        let schedule = Schedule::of(&Probe {
            period_seconds: Some(0),
            ..Probe::default()
        });
        assert_eq!(schedule.first_period, AGGRESSIVE_PERIOD);
        assert_eq!(schedule.period, DEFAULT_PERIOD);
    }

    #[test]
    fn absent_values_are_kubernetes_defaults() {
        let schedule = Schedule::of(&Probe::default());
        assert_eq!(schedule.first_period, DEFAULT_PERIOD);
        assert_eq!(
            (schedule.timeout, schedule.successes, schedule.failures),
            (DEFAULT_TIMEOUT, 1, 3)
        );
    }
}
