//! Replays recorded scenarios of a running Knative on a platform with the fake runtime: one named test per scenario.
//!
//! The folder is `KNATIVE_VECTORS`, or the copy in `tests/vectors`.

mod compare;
mod normal;
mod platform;
mod replay;
mod step;
mod until;

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

/// What cannot be replayed without Kubernetes, or is not replayed yet; `tests/vectors/README.md` says why.
const README: &str = include_str!("../../vectors/README.md");

fn main() {
    let args = Arguments::from_args();
    let dir = std::env::var_os("KNATIVE_VECTORS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors")),
        PathBuf::from,
    );
    libtest_mimic::run(&args, trials(&dir.join("behaviour"))).exit();
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
    files.into_iter().map(trial).collect()
}

fn trial(path: PathBuf) -> Trial {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let left_out = is_left_out(&stem);
    Trial::test(format!("behaviour/{stem}"), move || run(&path)).with_ignored_flag(left_out)
}

fn is_left_out(name: &str) -> bool {
    README
        .lines()
        .filter_map(|line| line.strip_prefix("- `behaviour/")?.split_once('`'))
        .any(|(left_out, _)| left_out.trim_end_matches(".json") == name)
}

fn run(path: &Path) -> Result<(), Failed> {
    let scenario: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    let found = runtime.block_on(replay::replay(&scenario));
    if found.is_empty() {
        return Ok(());
    }
    Err(found.join("\n").into())
}
