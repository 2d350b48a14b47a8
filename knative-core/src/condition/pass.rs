//! What every reconcile does to conditions before and after its own changes.

use jiff::Timestamp;

use super::{Condition, Conditioned, find};

/// Reason of the condition at the top while a new generation is being looked at.
pub const NEW_OBSERVED_GENERATION: &str = "NewObservedGenFailure";
const NEW_OBSERVED_GENERATION_MESSAGE: &str = "unsuccessfully observed a new generation";

/// Prepares the conditions for a pass: missing ones are added, and for a new generation readiness is unknown, which is
/// what stays visible if the pass fails before it says otherwise.
pub fn begin<S: Conditioned>(status: &mut S, is_new_generation: bool, now: Timestamp) {
    status.initialize_conditions(now);
    if is_new_generation {
        status.manage(now).mark_unknown(
            S::SET.happy(),
            NEW_OBSERVED_GENERATION,
            NEW_OBSERVED_GENERATION_MESSAGE,
        );
    }
}

/// Ends a pass: a condition that is as it was `before` keeps its time, all others changed at `now`.
pub fn settle(before: &[Condition], after: &mut [Condition], now: Timestamp) {
    for condition in after {
        let time = condition.last_transition_time.take();
        let old = find(before, &condition.r#type);
        condition.last_transition_time = old.and_then(|old| old.last_transition_time).or(time);
        if old != Some(condition) {
            condition.last_transition_time = Some(now);
        }
    }
}
