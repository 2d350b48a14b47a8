//! Knative's pod autoscaler: replicas from load over two windows, with panic mode.

mod burst;
mod delay;
mod panic;
mod rate;

use jiff::Timestamp;

use self::delay::DelayWindow;
use self::panic::PanicMode;
use self::rate::{Demand, Rates};
use super::policy::{DeciderSpec, Decision, Observation, ScalingPolicy};
use super::reason::{Mode, Reason};

pub use self::burst::{MIN_ACTIVATORS, activators};

/// Knative's pod autoscaler (class `kpa.autoscaling.knative.dev`).
///
/// Replicas are `ceil(average / target)` over the stable window, within the scale rates of the ready replicas. Where the
/// panic window needs a multiple of the ready replicas (by default twice), panic mode begins: the higher of both windows
/// counts and the number never decreases, until a stable window has passed without overload.
///
/// The scale-down delay window exists only if the delay was above 0 when the value was made; later changes of the delay
/// neither add, remove nor resize it, as in Knative.
#[derive(Debug)]
pub struct Kpa {
    panic: PanicMode,
    delay: Option<DelayWindow>,
}

impl Kpa {
    /// A policy for a revision that has `ready` replicas at `now`. With more than one it begins in panic mode, so that a
    /// restart, which loses what was measured, does not scale a busy revision down.
    pub fn new(limits: &DeciderSpec, ready: u32, now: Timestamp) -> Self {
        Self {
            panic: PanicMode::starting(ready, now),
            delay: DelayWindow::new(limits.scale_down_delay),
        }
    }

    /// Whether panic mode is on.
    pub fn is_panicking(&self) -> bool {
        self.panic.is_on()
    }

    fn hold_in_panic(&mut self, stable: i32, panic: i32, reasons: &mut Vec<Reason>) -> i32 {
        if !self.panic.is_on() {
            return stable;
        }
        if panic > stable {
            reasons.push(Reason::PanicRaised { replicas: panic });
        }
        let wanted = stable.max(panic);
        let peak = self.panic.hold(wanted);
        if peak > wanted {
            reasons.push(Reason::PanicHeld { wanted, peak });
        }
        peak
    }

    fn hold_for_delay(
        &mut self,
        limits: &DeciderSpec,
        wanted: i32,
        now: Timestamp,
        reasons: &mut Vec<Reason>,
    ) -> i32 {
        let Some(window) = self.delay.as_mut().filter(|_| limits.reachable) else {
            return wanted;
        };
        let held = window.record(now, wanted);
        if held > wanted {
            reasons.push(Reason::ScaleDownDelay {
                wanted,
                held,
                delay: window.length(),
            });
        }
        held
    }
}

impl ScalingPolicy for Kpa {
    fn decide(&mut self, limits: &DeciderSpec, observed: &Observation, now: Timestamp) -> Decision {
        let mut reasons = Vec::new();
        let rates = Rates::new(limits, observed.ready);
        let averages = observed.averages;
        let stable = Demand::of(Mode::Stable, averages.stable, limits);
        let panic = Demand::of(Mode::Panic, averages.panic, limits);
        let stable_replicas = rates.bound(&stable, limits, &mut reasons);
        let panic_replicas = rates.bound(&panic, limits, &mut reasons);

        let overload = rates.overload(&panic, limits);
        reasons.extend(self.panic.observe(&overload, limits.stable_window, now));
        let replicas = self.hold_in_panic(stable_replicas, panic_replicas, &mut reasons);
        let replicas = self.hold_for_delay(limits, replicas, now, &mut reasons);
        Decision {
            replicas,
            panic: self.panic.is_on(),
            excess_burst_capacity: burst::excess(limits, observed.ready, averages.panic),
            reasons,
        }
    }
}

/// `value` as a count of replicas. Values beyond 32 bits saturate.
#[expect(
    clippy::cast_possible_truncation,
    reason = "`as` saturates, which is what is wanted"
)]
pub(super) fn saturate(value: f64) -> i32 {
    value as i32
}

#[cfg(test)]
mod tests;
