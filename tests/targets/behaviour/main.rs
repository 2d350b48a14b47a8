//! Replays recorded scenarios of a running Knative on the platform in one process: one trial per scenario.
//!
//! The folder is `behaviour` below `KNATIVE_VECTORS`, or the copy in `tests/vectors`. Scenarios that `tests/vectors/README.md`
//! lists as not replayed are left out.

mod act;
mod client;
mod compare;
mod diff;
mod images;
mod normalise;
mod observe;
mod replay;
mod scenario;
mod short;
mod states;
mod until;
mod world;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use libtest_mimic::{Arguments, Trial};

use self::{scenario::Scenario, states::Vocabulary};

fn main() {
    let args = Arguments::from_args();
    let dir = std::env::var_os("KNATIVE_VECTORS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors")),
        PathBuf::from,
    );
    let trials = trials(&dir.join("behaviour"));
    libtest_mimic::run(&args, trials).exit();
}

fn trials(dir: &Path) -> Vec<Trial> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    let read = files.into_iter().map(|path| (read(&path), name(&path)));
    let scenarios: Vec<_> = read.collect();
    let mut known = Vocabulary::default();
    for (scenario, _) in &scenarios {
        if let Ok(scenario) = scenario {
            known.add(&compare::recorded(scenario));
        }
    }
    let known = Arc::new(known);
    scenarios
        .into_iter()
        .filter(|(_, name)| !is_left_out(name))
        .map(|(scenario, name)| {
            let known = Arc::clone(&known);
            Trial::test(name, move || replay::replay(&scenario?, &known))
        })
        .collect()
}

fn name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    format!("behaviour/{stem}")
}

fn read(path: &Path) -> Result<Scenario, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    Scenario::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Whether the list of what is not replayed names the scenario.
fn is_left_out(name: &str) -> bool {
    const LIST: &str = include_str!("../../vectors/README.md");
    LIST.lines()
        .filter_map(|line| line.strip_prefix("- `")?.split_once("`:"))
        .any(|(listed, _)| listed == name)
}
