//! Events of Knative's kinds, as sets over the whole file.

use std::collections::BTreeSet;

use crate::{
    observe::Seen,
    scenario::{Event, Scenario},
};

/// Warnings that tell of races between the recorded controllers and their caches.
const RACES: [&str; 3] = ["InternalError", "UpdateFailed", "FinalizerUpdateFailed"];

/// Events that are missing, and those that nobody recorded.
pub(crate) fn events(scenario: &Scenario, seen: &Seen) -> Vec<String> {
    let recorded: BTreeSet<&Event> = scenario
        .steps
        .iter()
        .flat_map(|step| &step.events)
        .filter(|event| event.api_version.contains("knative.dev"))
        .collect();
    let got: BTreeSet<&Event> = seen.events.iter().collect();
    let missing = recorded.difference(&got);
    let missing = missing.filter(|event| !is_race(event) && !varies(scenario, event));
    let missing = missing.map(|event| format!("event is missing: {}", shown(event)));
    let surplus = got
        .difference(&recorded)
        .filter(|event| !varies(scenario, event));
    let surplus = surplus.map(|event| format!("event was not recorded: {}", shown(event)));
    missing.chain(surplus).collect()
}

fn is_race(event: &Event) -> bool {
    event.r#type == "Warning" && RACES.contains(&event.reason.as_str())
}

fn varies(scenario: &Scenario, event: &Event) -> bool {
    let Event {
        r#type,
        reason,
        object,
        message,
        ..
    } = event;
    let place = format!(": events {type} {reason} {object} {message}");
    scenario
        .varies()
        .iter()
        .any(|varies| varies.ends_with(&place))
}

fn shown(event: &Event) -> String {
    let Event {
        r#type,
        reason,
        object,
        message,
        from,
        ..
    } = event;
    format!("{type} {reason} {object} {message:?} from {from}")
}
