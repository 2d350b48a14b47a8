//! The ways of conditions: states may be skipped, not invented, and come in the recorded order.

use crate::{
    observe::Seen,
    scenario::Scenario,
    short::{self, Care},
    states::{Paths, Vocabulary},
};

/// What a file records, over all its steps.
pub(crate) fn recorded(scenario: &Scenario) -> Paths {
    let mut paths = Paths::default();
    for step in &scenario.steps {
        for (object, changes) in &step.transitions {
            paths.take_recorded(object, changes);
        }
    }
    paths
}

/// Every way that was not recorded. A state that this file skips is allowed where another file shows it.
pub(crate) fn transitions(scenario: &Scenario, seen: &Seen, known: &Vocabulary) -> Vec<String> {
    let recorded = recorded(scenario);
    let mut found = Vec::new();
    for (object, name, got) in seen.paths.iter() {
        if short::care(object) == Care::Never {
            continue;
        }
        let want = recorded.get(object, name);
        let may_skip = |text: &str| {
            let elsewhere = is_mirror(object, name) && text.starts_with("Unknown");
            (elsewhere || !want.iter().any(|other| other == text))
                && known.knows(object, name, text)
        };
        if !is_allowed(got, want, &may_skip) {
            found.push(format!(
                "{object} {name} went another way\n    got:  {got:#?}\n    want: {want:#?}"
            ));
        }
    }
    found
}

/// Whether a condition shows what other objects tell at that moment, so that it passes through short states by chance.
fn is_mirror(object: &str, name: &str) -> bool {
    short::care(object) == Care::Kept || object.starts_with("revision/") && name == "Active"
}

/// Whether `got` is part of `want`, leaving out what may be skipped. A state that lasts is not told twice.
fn is_allowed(got: &[String], want: &[String], may_skip: &impl Fn(&str) -> bool) -> bool {
    let Some((first, rest)) = got.split_first() else {
        return true;
    };
    let from = want.iter().position(|other| other == first);
    if from.is_some_and(|from| is_allowed(rest, &want[from..], may_skip)) {
        return true;
    }
    may_skip(first) && is_allowed(rest, want, may_skip)
}
