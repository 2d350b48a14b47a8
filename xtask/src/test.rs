//! All tests, with a line at the end that says how it went.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use anyhow::{Context, Result, bail};

use crate::{
    cargo,
    engine::{self, Engine},
    step, tools,
};

/// What test programs reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

/// What tests on containers do where there is no engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engineless {
    Skip,
    Fail,
}

/// Targets whose tests on containers are ignored without an engine.
const ON_CONTAINERS: [(&str, &str); 4] = [
    ("knative-examples-docker", "e2e"),
    ("knative-runtime-docker", "images"),
    ("knative-runtime-docker", "names"),
    ("knative-tests", "conformance"),
];
/// Targets with tests that call kubectl: those whose name begins with it.
const WITH_KUBECTL: [(&str, &str); 2] = [
    ("knative-examples", "e2e"),
    ("knative-examples-docker", "e2e"),
];

/// Runs unit tests, doc tests, vectors, conformance kits and end-to-end tests.
pub(crate) fn run(engineless: Engineless) -> Result<()> {
    tools::install()?;
    tools::install_for_containers()?;
    let engine = engine(engineless)?;
    let began = step::now();
    let (tally, passed) = run_all(engine.as_ref())?;
    let seconds = began.elapsed().as_secs();
    if engine.is_none() {
        let skipped = count(&ON_CONTAINERS, &["--ignored"], |_| true)?;
        println!(
            "{skipped} tests on containers were skipped; {}",
            engine::HINT
        );
    }
    if !tools::kubectl() {
        let skipped = count(&WITH_KUBECTL, &[], |test| test.starts_with("kubectl"))?;
        println!(
            "{skipped} tests with kubectl were skipped; {}",
            tools::KUBECTL_HINT
        );
    }
    let Tally {
        passed: good,
        failed,
        ignored,
    } = tally;
    if !passed {
        bail!("tests failed: {failed} of {} in {seconds} s", good + failed);
    }
    println!("All tests passed: {good} passed, {ignored} ignored, in {seconds} s.");
    Ok(())
}

/// The engine of the tests; says why where there is none.
fn engine(engineless: Engineless) -> Result<Option<Engine>> {
    let found = Engine::ensure().and_then(|engine| engine.context("there is no Docker engine"));
    match found {
        Ok(engine) => Ok(Some(engine)),
        Err(error) if engineless == Engineless::Skip => {
            println!("{error:#}");
            Ok(None)
        }
        Err(error) => Err(error.context(engine::HINT)),
    }
}

/// Runs all tests; answers with what they reported and whether all is well.
fn run_all(engine: Option<&Engine>) -> Result<(Tally, bool)> {
    let mut command = cargo::command();
    command.args(["test", "--workspace", "--all-features", "--no-fail-fast"]);
    if let Some(engine) = engine {
        command.env(engine::VARIABLE, engine.host());
    }
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().context("cargo has no output")?;
    let mut tally = Tally::default();
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        tally.add(&line);
    }
    Ok((tally, child.wait()?.success()))
}

/// How many tests targets list.
fn count(targets: &[(&str, &str)], args: &[&str], counts: impl Fn(&str) -> bool) -> Result<usize> {
    let mut total = 0;
    for (package, target) in targets {
        let words = ["test", "--quiet", "--package", package, "--test", target];
        let list = cargo::output(&[&words[..], &["--", "--list"], args].concat())?;
        let tests = list.lines().filter(|line| line.ends_with(": test"));
        total += tests.filter(|test| counts(test)).count();
    }
    Ok(total)
}

impl Tally {
    /// Adds a line `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        let words: Vec<&str> = result.split([' ', ';']).collect();
        let before = |what: &str| {
            let at = words.iter().position(|word| *word == what)?;
            words.get(at.checked_sub(1)?)?.parse::<u64>().ok()
        };
        self.passed += before("passed").unwrap_or(0);
        self.failed += before("failed").unwrap_or(0);
        self.ignored += before("ignored").unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn results_add_up() {
        let mut tally = Tally::default();
        tally.add("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
        tally.add("running 7 tests");
        tally.add("test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured");
        let expected = Tally {
            passed: 5,
            failed: 4,
            ignored: 1,
        };
        assert_eq!(tally, expected);
    }
}
