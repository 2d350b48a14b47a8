//! Whether a Configuration may use the name that its template gives to a Revision.

use knative_core::object::ObjectExt as _;

use super::plan::configuration_generation;
use crate::api::{Configuration, Revision};

/// What stands under the name that a template gives to its Revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Nothing, or no name is given.
    Free,
    /// The Revision of this template.
    Ours,
    /// A Revision of somebody else, or of another template.
    Taken,
}

/// Tells whether `revision`, which has the name that the template gives, is the one of the template.
///
/// One of an earlier generation is, if its spec is the same: then the Configuration goes back to it.
pub fn availability(configuration: &Configuration, revision: Option<&Revision>) -> Availability {
    let Some(revision) = revision else {
        return Availability::Free;
    };
    if !revision.is_controlled_by(configuration.uid()) {
        return Availability::Taken;
    }
    let of_generation = configuration_generation(revision) == configuration.generation();
    if of_generation || revision.spec == configuration.spec.template.spec {
        return Availability::Ours;
    }
    Availability::Taken
}
