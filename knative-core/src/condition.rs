//! Conditions of an object, and the set in which Ready is a roll-up of its dependents.
//!
//! ```
//! use jiff::Timestamp;
//! use knative_core::condition::ConditionSet;
//!
//! const SET: ConditionSet = ConditionSet::living(&["RoutesReady", "ConfigurationsReady"]);
//!
//! let mut conditions = Vec::new();
//! let mut manager = SET.manage(&mut conditions, Timestamp::UNIX_EPOCH);
//! manager.initialize();
//! manager.mark_true("RoutesReady");
//! assert!(!manager.is_happy());
//! manager.mark_true("ConfigurationsReady");
//! assert!(manager.is_happy());
//! ```

mod manager;
mod pass;
mod time;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

pub use self::manager::{ClearError, ConditionManager};
pub use self::pass::{NEW_OBSERVED_GENERATION, begin, settle};

/// The condition that rolls up those of a thing that lives on.
pub const READY: &str = "Ready";
/// The condition that rolls up those of a thing that runs to completion.
pub const SUCCEEDED: &str = "Succeeded";

/// What is known about a condition.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Not yet known.
    #[default]
    Unknown,
}

impl ConditionStatus {
    /// The text on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// How much a condition that is not True matters, where it matters less than an error.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum ConditionSeverity {
    /// Worth a look.
    Warning,
    /// Does not decide readiness.
    Info,
}

/// One observed fact about an object, as Knative prints it in `status.conditions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Name of the condition, CamelCase, one of a kind within an object.
    pub r#type: String,
    /// Whether it holds.
    #[serde(default)]
    pub status: ConditionStatus,
    /// Absent means error: the condition decides readiness.
    #[serde(
        default,
        deserialize_with = "severity_or_empty",
        skip_serializing_if = "Option::is_none"
    )]
    pub severity: Option<ConditionSeverity>,
    /// When status, reason or message changed last. Printed as RFC 3339 in whole seconds.
    #[serde(default, with = "time", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub last_transition_time: Option<Timestamp>,
    /// Why, in one CamelCase word.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Why, for a person.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl Condition {
    /// A condition without reason, message, severity and time.
    pub fn new(r#type: impl Into<String>, status: ConditionStatus) -> Self {
        Self {
            r#type: r#type.into(),
            status,
            ..Self::default()
        }
    }

    /// The same with a reason and a message.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>, message: impl Into<String>) -> Self {
        self.reason = reason.into();
        self.message = message.into();
        self
    }

    /// Whether the status is True.
    pub fn is_true(&self) -> bool {
        self.status == ConditionStatus::True
    }

    /// Whether the status is False.
    pub fn is_false(&self) -> bool {
        self.status == ConditionStatus::False
    }

    /// Whether the status is Unknown.
    pub fn is_unknown(&self) -> bool {
        self.status == ConditionStatus::Unknown
    }
}

/// Finds a condition by its type.
pub fn find<'a>(conditions: &'a [Condition], r#type: &str) -> Option<&'a Condition> {
    conditions
        .iter()
        .find(|condition| condition.r#type == r#type)
}

/// The conditions that a kind has: one at the top, and those that it rolls up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConditionSet {
    happy: &'static str,
    dependents: &'static [&'static str],
}

impl ConditionSet {
    /// Ready over `dependents`, which are distinct and do not include Ready.
    pub const fn living(dependents: &'static [&'static str]) -> Self {
        Self {
            happy: READY,
            dependents,
        }
    }

    /// Succeeded over `dependents`, which are distinct and do not include Succeeded.
    pub const fn batch(dependents: &'static [&'static str]) -> Self {
        Self {
            happy: SUCCEEDED,
            dependents,
        }
    }

    /// The type at the top.
    pub const fn happy(&self) -> &'static str {
        self.happy
    }

    /// The types that the top one rolls up.
    pub const fn dependents(&self) -> &'static [&'static str] {
        self.dependents
    }

    /// Opens `conditions` for changes that happen at `now`.
    pub fn manage<'a>(
        &self,
        conditions: &'a mut Vec<Condition>,
        now: Timestamp,
    ) -> ConditionManager<'a> {
        ConditionManager::new(*self, conditions, now)
    }

    /// The condition at the top, if there is one yet.
    pub fn top_level<'a>(&self, conditions: &'a [Condition]) -> Option<&'a Condition> {
        find(conditions, self.happy)
    }

    /// Whether the condition at the top is True.
    pub fn is_happy(&self, conditions: &[Condition]) -> bool {
        self.top_level(conditions).is_some_and(Condition::is_true)
    }

    /// Whether the condition at the top is False.
    pub fn is_failed(&self, conditions: &[Condition]) -> bool {
        self.top_level(conditions).is_some_and(Condition::is_false)
    }

    /// Whether `type` decides readiness.
    pub fn is_terminal(&self, r#type: &str) -> bool {
        r#type == self.happy || self.dependents.contains(&r#type)
    }
}

/// A status that has conditions.
pub trait Conditioned {
    /// The conditions that statuses of this kind have.
    const SET: ConditionSet;

    /// The conditions, sorted by type.
    fn conditions(&self) -> &[Condition];

    /// The conditions, to be changed through [`Conditioned::manage`].
    fn conditions_mut(&mut self) -> &mut Vec<Condition>;

    /// Opens the conditions for changes that happen at `now`.
    fn manage(&mut self, now: Timestamp) -> ConditionManager<'_> {
        Self::SET.manage(self.conditions_mut(), now)
    }

    /// The condition of that type, if there is one yet.
    fn condition(&self, r#type: &str) -> Option<&Condition> {
        find(self.conditions(), r#type)
    }

    /// The condition at the top, if there is one yet.
    fn top_level(&self) -> Option<&Condition> {
        Self::SET.top_level(self.conditions())
    }

    /// Adds the conditions that are missing.
    fn initialize_conditions(&mut self, now: Timestamp) {
        self.manage(now).initialize();
    }

    /// Whether the condition at the top is True.
    fn is_happy(&self) -> bool {
        Self::SET.is_happy(self.conditions())
    }

    /// Whether the condition at the top is False.
    fn has_failed(&self) -> bool {
        Self::SET.is_failed(self.conditions())
    }
}

/// Go prints an absent severity as an empty text in some versions.
fn severity_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ConditionSeverity>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(match text.as_deref() {
        Some("Warning") => Some(ConditionSeverity::Warning),
        Some("Info") => Some(ConditionSeverity::Info),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
