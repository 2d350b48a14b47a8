//! Licences, banned crates and duplicate versions, by deny.toml.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{cargo, licence};

/// The systems that are supported: what is compiled for them is what counts.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/// A crate of another author that is compiled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Crate {
    name: String,
    version: String,
    licence: String,
}

/// What deny.toml says.
#[derive(Debug, Default)]
struct Rules {
    allow: Vec<String>,
    deny: Vec<String>,
    skip: Vec<String>,
}

/// Checks what is compiled; where cargo-deny is installed, it looks too.
pub(crate) fn check() -> Result<()> {
    let rules = Rules::read(&fs::read_to_string("deny.toml").context("deny.toml")?)?;
    let crates = compiled()?;
    let faults = faults(&rules, &crates);
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    println!("{} crates, their licences and names are fine", crates.len());
    cargo_deny()
}

fn cargo_deny() -> Result<()> {
    let found = Command::new("cargo-deny")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if found {
        return cargo::run(&["deny", "check", "bans", "licenses", "sources"]);
    }
    println!("cargo-deny is not installed: its own look is skipped");
    Ok(())
}

fn compiled() -> Result<BTreeSet<Crate>> {
    let mut crates = BTreeSet::new();
    for target in TARGETS {
        let tree = cargo::output(&[
            "tree",
            "--workspace",
            "--all-features",
            "--target",
            target,
            "--edges",
            "normal,build,dev",
            "--prefix",
            "none",
            "--no-dedupe",
            "--format",
            "{p}\t{l}",
        ])?;
        crates.extend(tree.lines().filter_map(parse));
    }
    Ok(crates)
}

/// `name v1.2.3\tlicence`; packages of this workspace show their path and are left out.
fn parse(line: &str) -> Option<Crate> {
    let (package, licence) = line.split_once('\t')?;
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?);
    let local = words.any(|word| word.starts_with("(/"));
    (!local).then(|| Crate {
        name: name.to_owned(),
        version: version.trim_start_matches('v').to_owned(),
        licence: licence.trim().to_owned(),
    })
}

fn faults(rules: &Rules, crates: &BTreeSet<Crate>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for found in crates {
        let Crate {
            name,
            version,
            licence,
        } = found;
        versions.entry(name).or_default().insert(version);
        if rules.deny.contains(name) {
            faults.push(format!("{name} {version} is banned"));
        }
        if !licence::allowed(licence, &rules.allow) {
            faults.push(format!("{name} {version} has licence `{licence}`"));
        }
    }
    for (name, versions) in versions {
        if versions.len() > 1 && !rules.skip.iter().any(|skip| skip == name) {
            let versions: Vec<_> = versions.into_iter().collect();
            faults.push(format!("{name} is compiled as {}", versions.join(" and ")));
        }
    }
    faults
}

impl Rules {
    fn read(text: &str) -> Result<Self> {
        let list = |section: &str, key: &str| {
            list(text, section, key).with_context(|| format!("deny.toml has no {section}.{key}"))
        };
        Ok(Self {
            allow: list("licenses", "allow")?,
            deny: list("bans", "deny")?,
            skip: list("bans", "skip")?,
        })
    }
}

/// The names in a list of strings or of `{ crate = "name", reason = "…" }`, one per line.
fn list(text: &str, section: &str, key: &str) -> Option<Vec<String>> {
    let head = format!("[{section}]");
    let opening = format!("{key} = [");
    let lines = text.lines().skip_while(|line| line.trim() != head).skip(1);
    let mut lines = lines
        .take_while(|line| !line.starts_with('['))
        .skip_while(|line| line.trim() != opening);
    lines.next()?;
    let entries = lines.take_while(|line| line.trim() != "]");
    let names = entries.filter(|line| !line.trim_start().starts_with('#'));
    Some(
        names
            .filter_map(|line| line.split('"').nth(1))
            .map(str::to_owned)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::{Rules, faults, parse};

    const RULES: &str = r#"
[licenses]
allow = [
    "MIT",
]

[bans]
multiple-versions = "deny"
deny = [
    { crate = "ring", reason = "two providers" },
]
skip = [
    { crate = "syn", reason = "macros are moving" },
]
"#;

    #[test]
    fn each_rule_finds_its_fault() {
        let rules = Rules::read(RULES).unwrap();
        for (lines, expected) in [
            (&["serde v1.0.1\tMIT"][..], &[][..]),
            (&["ring v0.17.0\tMIT"], &["ring 0.17.0 is banned"]),
            (&["x v1.0.0\tGPL-3.0"], &["x 1.0.0 has licence `GPL-3.0`"]),
            (&["syn v2.0.0\tMIT", "syn v3.0.0\tMIT"], &[]),
            (
                &["a v2.0.0\tMIT", "a v3.0.0\tMIT"],
                &["a is compiled as 2.0.0 and 3.0.0"],
            ),
            (&["mine v0.1.0 (/home/me/mine)\tApache-2.0"], &[]),
        ] {
            let crates = lines.iter().filter_map(|line| parse(line)).collect();
            assert_eq!(faults(&rules, &crates), expected, "{lines:?}");
        }
    }
}
