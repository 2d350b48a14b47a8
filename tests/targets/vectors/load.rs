//! Reads a file of cases and makes a trial of each. Those that `EXCEPTIONS.md` names are ignored.

use std::path::Path;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

/// One trial per case of `file` (`folder/name.json` below `dir`), named `folder/name/case`. No file, no trials.
#[allow(dead_code, reason = "until every folder has its runner")]
pub(crate) fn trials(dir: &Path, file: &str, run: fn(&Value) -> Result<(), Failed>) -> Vec<Trial> {
    trials_where(dir, file, |_| true, run)
}

/// The same, of the cases for which `keep` answers true.
pub(crate) fn trials_where(
    dir: &Path,
    file: &str,
    keep: fn(&Value) -> bool,
    run: fn(&Value) -> Result<(), Failed>,
) -> Vec<Trial> {
    let path = dir.join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        return Vec::new();
    };
    let stem = file.trim_end_matches(".json");
    let cases: Vec<Value> = match serde_json::from_str(&text) {
        Ok(cases) => cases,
        Err(error) => {
            let message = format!("{}: {error}", path.display());
            return vec![Trial::test(stem, move || Err(message.into()))];
        }
    };
    cases
        .into_iter()
        .filter(keep)
        .map(|case| {
            let name = format!("{stem}/{}", case["name"].as_str().unwrap_or("unnamed"));
            let excepted = is_exception(&name);
            Trial::test(name, move || run(&case)).with_ignored_flag(excepted)
        })
        .collect()
}

/// Whether the list of deliberate deviations names the case.
fn is_exception(name: &str) -> bool {
    const LIST: &str = include_str!("../../vectors/EXCEPTIONS.md");
    LIST.lines()
        .filter_map(|line| line.strip_prefix("- `")?.split_once("`:"))
        .any(|(excepted, _)| excepted == name)
}
