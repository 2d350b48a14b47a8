//! Changes to conditions, with the roll-up that follows each.

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::{Condition, ConditionSet, ConditionSeverity, ConditionStatus, find};

/// A condition that decides readiness cannot be removed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("condition {0} decides readiness and cannot be cleared")]
pub struct ClearError(String);

/// Conditions of one object, open for changes at one point in time.
///
/// They stay sorted by type. A condition whose status, severity, reason or message changes gets a new
/// `last_transition_time`; one that is marked as it already is keeps the old one.
#[derive(Debug)]
pub struct ConditionManager<'a> {
    set: ConditionSet,
    conditions: &'a mut Vec<Condition>,
    now: Timestamp,
}

impl<'a> ConditionManager<'a> {
    pub(super) fn new(
        set: ConditionSet,
        conditions: &'a mut Vec<Condition>,
        now: Timestamp,
    ) -> Self {
        Self {
            set,
            conditions,
            now,
        }
    }

    /// The condition of that type.
    pub fn get(&self, r#type: &str) -> Option<&Condition> {
        find(self.conditions, r#type)
    }

    /// The condition at the top.
    pub fn top_level(&self) -> Option<&Condition> {
        self.set.top_level(self.conditions)
    }

    /// Whether the condition at the top is True.
    pub fn is_happy(&self) -> bool {
        self.set.is_happy(self.conditions)
    }

    /// Adds what is missing: the top as Unknown, its dependents as True below a True top and else as Unknown.
    pub fn initialize(&mut self) {
        if self.top_level().is_none() {
            self.set(Condition::new(self.set.happy, ConditionStatus::Unknown));
        }
        let status = if self.is_happy() {
            ConditionStatus::True
        } else {
            ConditionStatus::Unknown
        };
        for &dependent in self.set.dependents {
            if self.get(dependent).is_none() {
                self.set(Condition::new(dependent, status));
            }
        }
    }

    /// Marks a condition True; the top follows the other dependents.
    pub fn mark_true(&mut self, r#type: &str) {
        self.mark_true_with_reason(r#type, "", "");
    }

    /// Marks a condition True and says why; the top follows the other dependents.
    pub fn mark_true_with_reason(
        &mut self,
        r#type: &str,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.mark(r#type, ConditionStatus::True, reason.into(), message.into());
        self.roll_up(r#type);
    }

    /// Marks a condition False, and the top with it if it depends on this one.
    pub fn mark_false(
        &mut self,
        r#type: &str,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) {
        let (reason, message) = (reason.into(), message.into());
        self.mark(
            r#type,
            ConditionStatus::False,
            reason.clone(),
            message.clone(),
        );
        if self.set.dependents.contains(&r#type) {
            self.mark(self.set.happy, ConditionStatus::False, reason, message);
        }
    }

    /// Marks a condition Unknown, and the top with it if it depends on this one, unless another dependent is False:
    /// then a False top stays as it is, and any other becomes False.
    pub fn mark_unknown(
        &mut self,
        r#type: &str,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) {
        let (reason, message) = (reason.into(), message.into());
        self.mark(
            r#type,
            ConditionStatus::Unknown,
            reason.clone(),
            message.clone(),
        );
        let top = match self.some_dependent_failed() {
            true if self.top_level().is_some_and(Condition::is_false) => return,
            true => ConditionStatus::False,
            false if self.set.dependents.contains(&r#type) => ConditionStatus::Unknown,
            false => return,
        };
        self.mark(self.set.happy, top, reason, message);
    }

    /// Marks a condition as `source`, a condition of another object, is.
    pub fn mirror(&mut self, r#type: &str, source: &Condition) {
        let (reason, message) = (source.reason.clone(), source.message.clone());
        match source.status {
            ConditionStatus::True => self.mark_true(r#type),
            ConditionStatus::False => self.mark_false(r#type, reason, message),
            ConditionStatus::Unknown => self.mark_unknown(r#type, reason, message),
        }
    }

    /// Removes a condition that does not decide readiness.
    ///
    /// # Errors
    /// The condition decides readiness.
    pub fn clear(&mut self, r#type: &str) -> Result<(), ClearError> {
        if self.set.is_terminal(r#type) {
            return Err(ClearError(r#type.to_owned()));
        }
        self.conditions
            .retain(|condition| condition.r#type != r#type);
        Ok(())
    }

    /// Stores a condition under its type, without a roll-up.
    pub fn set(&mut self, mut condition: Condition) {
        if let Some(old) = self.get(&condition.r#type) {
            condition.last_transition_time = old.last_transition_time;
            if condition == *old {
                return;
            }
        }
        condition.last_transition_time = Some(self.stamp());
        self.conditions.retain(|c| c.r#type != condition.r#type);
        self.conditions.push(condition);
        self.conditions.sort_by(|a, b| a.r#type.cmp(&b.r#type));
    }

    /// Sets status, reason and message of a condition, without a roll-up.
    fn mark(&mut self, r#type: &str, status: ConditionStatus, reason: String, message: String) {
        let severity = (!self.set.is_terminal(r#type)).then_some(ConditionSeverity::Info);
        self.set(Condition {
            severity,
            ..Condition::new(r#type, status).because(reason, message)
        });
    }

    /// Changes made at one `now` keep their order by nanoseconds, which are not printed.
    fn stamp(&self) -> Timestamp {
        let pass = self.now
            ..=self
                .now
                .saturating_add(SignedDuration::from_millis(500))
                .unwrap_or(self.now);
        let latest = self
            .conditions
            .iter()
            .filter_map(|c| c.last_transition_time);
        match latest.filter(|time| pass.contains(time)).max() {
            Some(latest) => latest
                .saturating_add(SignedDuration::from_nanos(1))
                .unwrap_or(latest),
            None => self.now,
        }
    }

    fn some_dependent_failed(&self) -> bool {
        let mut dependents = self.set.dependents.iter().filter_map(|name| self.get(name));
        dependents.any(Condition::is_false)
    }

    fn roll_up(&mut self, changed: &str) {
        if let Some(unhappy) = self.unhappy_dependent() {
            self.mark(
                self.set.happy,
                unhappy.status,
                unhappy.reason,
                unhappy.message,
            );
        } else if changed != self.set.happy {
            self.mark(
                self.set.happy,
                ConditionStatus::True,
                String::new(),
                String::new(),
            );
        }
    }

    /// The False one that changed last, else the Unknown one that changed last, else an Unknown one for what is missing.
    fn unhappy_dependent(&self) -> Option<Condition> {
        if self.set.dependents.is_empty() {
            return None;
        }
        let decisive = || {
            let happy = self.set.happy;
            self.conditions
                .iter()
                .filter(move |c| c.severity.is_none() && c.r#type != happy)
        };
        newest(decisive().filter(|c| c.is_false()))
            .or_else(|| newest(decisive().filter(|c| c.is_unknown())))
            .cloned()
            .or_else(|| {
                (decisive().count() != self.set.dependents.len())
                    .then(|| Condition::new("", ConditionStatus::Unknown))
            })
    }
}

/// The one that changed last; the first of several that changed together.
fn newest<'a>(conditions: impl Iterator<Item = &'a Condition>) -> Option<&'a Condition> {
    conditions.reduce(|best, next| {
        if next.last_transition_time > best.last_transition_time {
            next
        } else {
            best
        }
    })
}
