//! How many crates each package pulls in, beside a committed number: a change that moves one says why.

use std::{collections::BTreeMap, collections::BTreeSet, fmt::Write, fs};

use anyhow::{Context, Result, bail};

use crate::cargo;

const FILE: &str = "xtask/dependencies.txt";
const HEADER: &str = "\
# Crates that a package pulls in, itself left out (normal and build, x86-64 Linux, all features).
# `cargo xtask deps --bless` writes this file.
";

/// Compares with the committed numbers.
pub(crate) fn check() -> Result<()> {
    let committed = fs::read_to_string(FILE).context(FILE)?;
    let current = render(&count()?);
    if committed != current {
        bail!(
            "the numbers of dependencies moved: say why in the commit, and run `cargo xtask deps --bless`\n{}",
            moved(&committed, &current)
        );
    }
    println!("as committed");
    Ok(())
}

/// Writes the current numbers.
pub(crate) fn bless() -> Result<()> {
    fs::write(FILE, render(&count()?)).context(FILE)
}

fn count() -> Result<BTreeMap<String, usize>> {
    packages()?
        .into_iter()
        .map(|name| {
            let tree = cargo::output(&[
                "tree",
                "--package",
                &name,
                "--all-features",
                "--target",
                "x86_64-unknown-linux-gnu",
                "--edges",
                "normal,build",
                "--prefix",
                "none",
                "--no-dedupe",
                "--format",
                "{p}",
            ])?;
            let crates: BTreeSet<_> = tree.lines().filter(|line| !line.is_empty()).collect();
            Ok((name, crates.len().saturating_sub(1)))
        })
        .collect()
}

/// The packages of this workspace.
fn packages() -> Result<Vec<String>> {
    let tree = cargo::output(&[
        "tree",
        "--workspace",
        "--depth",
        "0",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ])?;
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    let names: BTreeSet<_> = names.filter(|name| !name.is_empty()).collect();
    Ok(names.into_iter().map(str::to_owned).collect())
}

fn render(counts: &BTreeMap<String, usize>) -> String {
    counts
        .iter()
        .fold(HEADER.to_owned(), |mut text, (name, count)| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name} {count}");
            text
        })
}

fn moved(committed: &str, current: &str) -> String {
    let gone = committed
        .lines()
        .filter(|line| !current.lines().any(|other| other == *line))
        .map(|line| format!("-{line}"));
    let new = current
        .lines()
        .filter(|line| !committed.lines().any(|other| other == *line))
        .map(|line| format!("+{line}"));
    gone.chain(new).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{HEADER, moved, render};

    #[test]
    fn only_what_moved_is_shown() {
        let old = render(&[("a".to_owned(), 1), ("b".to_owned(), 2)].into());
        let new = render(&[("a".to_owned(), 1), ("b".to_owned(), 3)].into());
        assert_eq!(old, format!("{HEADER}a 1\nb 2\n"));
        assert_eq!(moved(&old, &new), "-b 2\n+b 3");
    }
}
