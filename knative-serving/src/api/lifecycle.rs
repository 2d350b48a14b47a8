//! What the statuses of all kinds share: conditions that roll up into Ready, and texts of their messages.

use knative_core::object::quote;

/// Implements `Conditioned` for a status, and readiness for its kind.
macro_rules! conditioned {
    ($kind:ident, $status:ident, [$($dependent:expr),* $(,)?]) => {
        impl knative_core::Conditioned for $status {
            const SET: knative_core::ConditionSet =
                knative_core::ConditionSet::living(&[$($dependent),*]);

            fn conditions(&self) -> &[knative_core::Condition] {
                &self.conditions
            }
            fn conditions_mut(&mut self) -> &mut Vec<knative_core::Condition> {
                &mut self.conditions
            }
        }

        impl $kind {
            /// Whether Ready is True for the current generation.
            pub fn is_ready(&self) -> bool {
                self.observed().is_some_and(knative_core::Conditioned::is_happy)
            }

            /// Whether Ready is False for the current generation.
            pub fn is_failed(&self) -> bool {
                self.observed().is_some_and(knative_core::Conditioned::has_failed)
            }

            /// The status, if it speaks of the current generation.
            fn observed(&self) -> Option<&$status> {
                let generation = self.metadata.generation.unwrap_or_default();
                self.status.as_ref().filter(|status| status.observed_generation == generation)
            }
        }
    };
}
pub(crate) use conditioned;

/// Reason: an object of the wanted name belongs to somebody else.
pub const NOT_OWNED: &str = "NotOwned";

/// Message of [`NOT_OWNED`].
pub fn not_owned_message(kind: &str, name: &str) -> String {
    format!(
        "There is an existing {kind} {} that we do not own.",
        quote(name)
    )
}
