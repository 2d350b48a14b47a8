//! All tests, with a line at the end that says how it went.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use anyhow::{Context, Result, bail};

use crate::{cargo, step, tools};

/// What test programs reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

/// Runs unit tests, doc tests, vectors, conformance kits and end-to-end tests.
pub(crate) fn run() -> Result<()> {
    tools::install()?;
    let began = step::now();
    let mut command = cargo::command();
    command.args(["test", "--workspace", "--all-features", "--no-fail-fast"]);
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().context("cargo has no output")?;
    let mut tally = Tally::default();
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        tally.add(&line);
    }
    let status = child.wait()?;
    let seconds = began.elapsed().as_secs();
    let Tally {
        passed,
        failed,
        ignored,
    } = tally;
    if !tools::kubectl() {
        let skipped = kubectl_tests()?;
        println!(
            "{skipped} tests with kubectl were skipped; {}",
            tools::KUBECTL_HINT
        );
    }
    if !status.success() {
        bail!(
            "tests failed: {failed} of {} in {seconds} s",
            passed + failed
        );
    }
    println!("All tests passed: {passed} passed, {ignored} ignored, in {seconds} s.");
    Ok(())
}

/// How many end-to-end tests call kubectl: those whose name begins with it.
fn kubectl_tests() -> Result<usize> {
    let list = cargo::output(&[
        "test",
        "--quiet",
        "--package",
        "knative-examples",
        "--test",
        "e2e",
        "--",
        "--list",
    ])?;
    Ok(list
        .lines()
        .filter(|line| line.starts_with("kubectl"))
        .count())
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
