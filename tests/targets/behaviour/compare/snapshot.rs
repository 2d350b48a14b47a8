//! The objects of a namespace once all is quiet.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    diff::{Difference, differences},
    observe::Seen,
    scenario::Scenario,
    short::{self, Care},
};

/// Counts that depend on load and on the moment.
const COUNTS: [&str; 6] = [
    ".status.actualReplicas",
    ".status.desiredReplicas",
    ".status.actualScale",
    ".status.desiredScale",
    ".spec.numActivators",
    ".status.observedGeneration",
];
/// Of kinds that are kept, what is compared.
const KEPT: [&str; 7] = [
    ".metadata.labels",
    ".metadata.annotations",
    ".metadata.ownerReferences",
    ".metadata.finalizers",
    ".spec",
    ".status.conditions",
    ".status.serviceName",
];

/// Resolves the `"="` of recorded snapshots.
#[derive(Debug, Default)]
pub(crate) struct Snapshots(BTreeMap<String, Value>);

impl Snapshots {
    /// A snapshot in full.
    pub(crate) fn next(&mut self, recorded: &BTreeMap<String, Value>) -> &BTreeMap<String, Value> {
        let mut full = BTreeMap::new();
        for (name, value) in recorded {
            let same = || self.0.get(name).cloned().unwrap_or_default();
            let value = if value == "=" { same() } else { value.clone() };
            full.insert(name.clone(), value);
        }
        self.0 = full;
        &self.0
    }
}

/// Every difference of the objects at step `number` (counted from 1).
pub(crate) fn snapshot(
    scenario: &Scenario,
    number: usize,
    seen: &Seen,
    want: &BTreeMap<String, Value>,
) -> Vec<String> {
    let mut found = Vec::new();
    let names: BTreeSet<&String> = seen.objects.keys().chain(want.keys()).collect();
    for name in names {
        let care = short::care(name);
        match (seen.objects.get(name), want.get(name)) {
            _ if care == Care::Never => {}
            (None, _) => found.push(format!("{name} is missing")),
            (_, None) => found.push(format!("{name} was not recorded")),
            (Some(got), Some(want)) => {
                let places = differences(&seen.uids.normalise(got), want);
                let places = places.iter().filter(|place| counts(care, place));
                let places = places.filter(|place| !varies(scenario, number, name, place));
                found.extend(places.map(|place| format!("{name} {place}")));
            }
        }
    }
    found
}

/// Whether a difference there is one.
fn counts(care: Care, place: &Difference) -> bool {
    match care {
        Care::Exact => {
            place.path == ".status.observedGeneration"
                || !COUNTS.iter().any(|count| place.is_within(count))
        }
        Care::Kept => {
            KEPT.iter().any(|kept| place.is_within(kept))
                && !COUNTS.iter().any(|count| place.is_within(count))
        }
        Care::Never => false,
    }
}

fn varies(scenario: &Scenario, number: usize, name: &str, place: &Difference) -> bool {
    let prefix = format!("step {number}: {name} ");
    let varies = scenario.varies().iter();
    let mut places = varies.filter_map(|varies| varies.strip_prefix(&prefix));
    places.any(|path| place.is_within(path))
}
