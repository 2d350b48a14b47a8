//! The Revisions of a Configuration.

use jiff::Timestamp;
use knative_core::object::name::child_name;
use knative_core::object::{ObjectExt, owner_reference};

use crate::api::keys::{LAST_APPLIED_CONFIGURATION, serving};
use crate::api::{Configuration, Revision};
use crate::reconcile::common::{Pairs, with};

pub use super::availability::{Availability, availability};

/// The name of the Revision of the current template: the one that the template gives, else that of the generation.
pub fn revision_name(configuration: &Configuration) -> String {
    let given = configuration
        .spec
        .template
        .metadata
        .name
        .as_deref()
        .unwrap_or_default();
    match given {
        "" => child_name(
            configuration.name(),
            &format!("-{:05}", configuration.generation()),
        ),
        given => given.to_owned(),
    }
}

/// The Revision of the current template, made at `now`.
pub fn revision(configuration: &Configuration, now: Timestamp) -> Revision {
    let template = &configuration.spec.template;
    let mut metadata = template.metadata.clone();
    metadata.name = Some(revision_name(configuration));
    metadata.namespace = Some(configuration.namespace().to_owned());
    metadata.labels = Some(labels(configuration, metadata.labels.unwrap_or_default()));
    metadata.annotations = Some(annotations(
        configuration,
        metadata.annotations.unwrap_or_default(),
        now,
    ));
    metadata
        .owner_references
        .get_or_insert_default()
        .push(owner_reference(configuration));
    Revision {
        metadata,
        spec: template.spec.clone(),
        status: None,
    }
}

fn labels(configuration: &Configuration, template: Pairs) -> Pairs {
    let generation = configuration.generation().to_string();
    let of_service = [serving::SERVICE, serving::SERVICE_UID]
        .into_iter()
        .filter_map(|key| Some((key, configuration.label(key)?)))
        .filter(|(_, value)| !value.is_empty());
    let routing_state = match configuration.annotation(serving::ROUTES) {
        Some(_) => serving::ROUTING_STATE_ACTIVE,
        None => serving::ROUTING_STATE_PENDING,
    };
    let own = [
        (serving::CONFIGURATION, configuration.name()),
        (serving::CONFIGURATION_UID, configuration.uid()),
        (serving::CONFIGURATION_GENERATION, &generation),
        (serving::ROUTING_STATE, routing_state),
    ];
    with(with(template, own), of_service)
}

/// Whoever changed the Configuration last created the Revision.
fn annotations(configuration: &Configuration, mut template: Pairs, now: Timestamp) -> Pairs {
    template.remove(LAST_APPLIED_CONFIGURATION);
    let now = format!("{now:.0}");
    let creator = configuration.annotation(serving::LAST_MODIFIER);
    let routes = configuration.annotation(serving::ROUTES);
    let copied = [(serving::CREATOR, creator), (serving::ROUTES, routes)];
    let copied = copied
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)));
    with(
        with(template, copied),
        [(serving::ROUTING_STATE_MODIFIED, now.as_str())],
    )
}

/// The Revision that should be the latest ready one, given all of the Configuration's.
///
/// It does not move to an older generation, unless the template names an older Revision.
pub fn latest_ready<'a>(
    configuration: &Configuration,
    revisions: impl IntoIterator<Item = &'a Revision>,
) -> Option<&'a Revision> {
    let mut revisions: Vec<_> = revisions.into_iter().collect();
    let status = configuration.status.as_ref();
    let current = status.map_or("", |status| status.latest_ready_revision_name.as_str());
    let floor = revisions.iter().find(|revision| revision.name() == current);
    let floor = floor.map_or(0, |revision| configuration_generation(revision));
    let named = configuration
        .spec
        .template
        .metadata
        .name
        .as_deref()
        .unwrap_or_default();
    let is_named = |revision: &Revision| !named.is_empty() && revision.name() == named;
    revisions.sort_by_key(|revision| (!is_named(revision), -configuration_generation(revision)));
    let mut candidates = revisions
        .into_iter()
        .filter(|revision| is_named(revision) || configuration_generation(revision) >= floor);
    candidates.find(|revision| revision.is_ready())
}

/// The generation of the Configuration that a Revision was made for.
pub fn configuration_generation(revision: &Revision) -> i64 {
    let label = revision.label(serving::CONFIGURATION_GENERATION);
    label
        .and_then(|generation| generation.parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
