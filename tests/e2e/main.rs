//! The real platform, driven by the real kubectl, by kube-rs and over HTTP:
//! `cargo test -p knative-examples --test e2e` on processes, `cargo test -p knative-examples-docker --test e2e` on
//! containers.
//!
//! Tests whose names begin with `kubectl` need one of at least 1.30 on PATH; without it they are ignored, as are those on
//! containers unless `KNATIVE_TEST_DOCKER` names an engine.

mod bad_services;
mod client;
mod containers;
mod engine;
mod http;
mod kubectl;
mod load;
mod overload;
mod platform;
mod program;
mod restart;
mod startup;
mod traffic;

use libtest_mimic::{Arguments, Failed, Trial};

use self::program::Program;

/// What a test answers.
type Outcome = Result<(), Failed>;

fn main() {
    let mut args = Arguments::from_args();
    if Program::TESTED == Program::Docker {
        // One engine makes containers for all of them.
        args.test_threads.get_or_insert(2);
    }
    let parts = [
        startup::trials(),
        traffic::trials(),
        bad_services::trials(),
        restart::trials(),
        overload::trials(),
        client::trials(),
        kubectl::trials(),
        containers::trials(),
        engine::trials(),
    ];
    let trials = parts.into_iter().flatten();
    let ignored = !Program::TESTED.is_usable();
    let trials = trials.map(|trial| {
        let ignored = ignored || trial.has_ignored_flag();
        trial.with_ignored_flag(ignored)
    });
    libtest_mimic::run(&args, trials.collect()).exit();
}

/// A test's name and what it does.
type Test = (&'static str, fn() -> Outcome);

/// Fails with a text unless something holds.
fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if holds {
        Ok(())
    } else {
        Err(otherwise().into())
    }
}

/// Trials of one part.
fn trials<const N: usize>(part: &str, tests: [Test; N]) -> Vec<Trial> {
    tests
        .into_iter()
        .map(|(name, test)| Trial::test(format!("{part}::{name}"), test))
        .collect()
}

/// Trials that make sense of one program only.
fn only<const N: usize>(program: Program, part: &str, tests: [Test; N]) -> Vec<Trial> {
    if Program::TESTED == program {
        trials(part, tests)
    } else {
        Vec::new()
    }
}
