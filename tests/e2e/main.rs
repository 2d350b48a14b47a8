//! The real platform, driven by the real kubectl, by kube-rs and over HTTP:
//! `cargo test -p knative-examples --test e2e`.
//!
//! Tests whose names begin with `kubectl` need one of at least 1.30 on PATH; without it they are ignored.

mod bad_services;
mod client;
mod http;
mod kubectl;
mod load;
mod overload;
mod platform;
mod restart;
mod startup;
mod traffic;

use libtest_mimic::{Arguments, Failed, Trial};

/// What a test answers.
type Outcome = Result<(), Failed>;

fn main() {
    let args = Arguments::from_args();
    let parts = [
        startup::trials(),
        traffic::trials(),
        bad_services::trials(),
        restart::trials(),
        overload::trials(),
        client::trials(),
        kubectl::trials(),
    ];
    libtest_mimic::run(&args, parts.into_iter().flatten().collect()).exit();
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
