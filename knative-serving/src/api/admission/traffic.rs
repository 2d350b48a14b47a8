//! Rules for traffic targets, which Services and Routes share.

use std::collections::BTreeMap;

use knative_core::admission::FieldErrors;
use knative_core::object::name::{dns1035_label, qualified_name};
use knative_core::object::quote;

use crate::api::TrafficTarget;

/// A Service sends everything to its latest revision unless it says otherwise.
pub(super) fn set_service_defaults(traffic: &mut Vec<TrafficTarget>) {
    if traffic.is_empty() {
        traffic.push(TrafficTarget {
            percent: Some(100),
            ..TrafficTarget::default()
        });
    }
    set_defaults(traffic);
}

pub(super) fn set_defaults(traffic: &mut [TrafficTarget]) {
    for target in traffic {
        target
            .latest_revision
            .get_or_insert(target.revision_name.is_empty());
        target.percent.get_or_insert(0);
    }
}

/// Findings about targets, with paths below their list. In a Service the Configuration is given.
pub(super) fn validate(traffic: &[TrafficTarget], in_service: bool) -> FieldErrors {
    let targets = traffic.iter().enumerate();
    let errors = targets
        .map(|(index, target)| one(target, in_service).via_index(index))
        .fold(tags(traffic), FieldErrors::also);
    let sum = traffic.iter().fold(0_i64, |sum, target| {
        sum.wrapping_add(target.percent.unwrap_or_default())
    });
    if sum == 100 {
        return errors;
    }
    errors.also(FieldErrors::generic(
        format!("Traffic targets sum to {sum}, want 100"),
        [""],
    ))
}

/// Tags are DNS labels, and different ones. The path of a bad one ends with its index, as Knative's does.
fn tags(traffic: &[TrafficTarget]) -> FieldErrors {
    let mut errors = FieldErrors::none();
    let mut seen = BTreeMap::new();
    for (index, target) in traffic
        .iter()
        .enumerate()
        .filter(|(_, target)| !target.tag.is_empty())
    {
        let wrong = dns1035_label(&target.tag);
        if !wrong.is_empty() {
            let value = format!("not a DNS 1035 label: [{}]", wrong.join(" "));
            errors.push(FieldErrors::invalid_array_value(value, "tag", index));
        }
        let first = *seen.entry(target.tag.as_str()).or_insert(index);
        if first != index {
            let message = format!("Multiple definitions for {}", quote(&target.tag));
            let paths = [index, first].map(|index| format!("[{index}].tag"));
            errors.push(FieldErrors::generic(message, paths));
        }
    }
    errors
}

fn one(target: &TrafficTarget, in_service: bool) -> FieldErrors {
    latest_revision(target)
        .also(destination(target, in_service))
        .also(percent(target))
        .also(url(target))
}

/// A target is either pinned to a revision or follows the latest.
fn latest_revision(target: &TrafficTarget) -> FieldErrors {
    let pinned = !target.revision_name.is_empty();
    match target.latest_revision {
        Some(latest) if latest == pinned => {
            let name = quote(&target.revision_name);
            let message =
                format!("may not set revisionName {name} when latestRevision is {latest}");
            FieldErrors::generic(message, ["latestRevision"])
        }
        _ => FieldErrors::none(),
    }
}

fn destination(target: &TrafficTarget, in_service: bool) -> FieldErrors {
    let (revision, configuration) = (&target.revision_name, &target.configuration_name);
    match (revision.is_empty(), configuration.is_empty()) {
        (_, false) if in_service => FieldErrors::disallowed_fields(["configurationName"]),
        (false, false) => FieldErrors::multiple_one_of(["revisionName", "configurationName"]),
        (false, true) => qualified(revision, "revisionName"),
        (true, false) => qualified(configuration, "configurationName"),
        (true, true) if in_service => FieldErrors::none(),
        (true, true) => FieldErrors::missing_one_of(["revisionName", "configurationName"]),
    }
}

fn qualified(name: &str, field: &str) -> FieldErrors {
    let wrong = qualified_name(name);
    if wrong.is_empty() {
        FieldErrors::none()
    } else {
        FieldErrors::invalid_key_name(name, field, wrong)
    }
}

fn percent(target: &TrafficTarget) -> FieldErrors {
    match target.percent {
        Some(percent) if !(0..=100).contains(&percent) => {
            FieldErrors::out_of_bounds(percent, 0, 100, "percent")
        }
        _ => FieldErrors::none(),
    }
}

/// URLs are made for the status.
fn url(target: &TrafficTarget) -> FieldErrors {
    if target.url.is_empty() {
        FieldErrors::none()
    } else {
        FieldErrors::disallowed_fields(["url"])
    }
}

#[cfg(test)]
mod tests {
    use super::{set_service_defaults, validate};
    use crate::api::TrafficTarget;

    fn target(revision: &str, percent: i64) -> TrafficTarget {
        TrafficTarget {
            revision_name: revision.to_owned(),
            percent: Some(percent),
            ..TrafficTarget::default()
        }
    }

    #[test]
    fn a_service_without_targets_follows_its_latest_revision() {
        let mut traffic = Vec::new();
        set_service_defaults(&mut traffic);
        assert_eq!(traffic[0].latest_revision, Some(true));
        assert!(validate(&traffic, true).is_empty());
    }

    #[test]
    fn findings_by_rule() {
        let tagged = |tag: &str| TrafficTarget {
            tag: tag.to_owned(),
            ..target("r", 50)
        };
        let rows = [
            (
                vec![target("r", 90)],
                "Traffic targets sum to 90, want 100: ",
            ),
            (
                vec![tagged("a"), tagged("a")],
                "Multiple definitions for \"a\": [0].tag, [1].tag",
            ),
            (
                vec![target("", 100)],
                "expected exactly one, got neither: [0].configurationName, [0].revisionName",
            ),
            (
                vec![target("r", 101), target("s", -1)],
                "expected 0 <= -1 <= 100: [1].percent\nexpected 0 <= 101 <= 100: [0].percent",
            ),
        ];
        for (traffic, want) in rows {
            assert_eq!(validate(&traffic, false).to_string(), want);
        }
    }
}
