//! Runs the recorded vectors: one named test per case.
//!
//! The folder is `KNATIVE_VECTORS`, or the copy in `tests/vectors`. A file that is absent there is skipped.

mod autoscaling;
mod children;
mod compare;
mod conditions;
mod core_types;
mod ingress;
mod load;
mod serving_admission;
mod serving_config;
mod serving_internal_kinds;
mod traffic;

use std::path::PathBuf;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let args = Arguments::from_args();
    let dir = std::env::var_os("KNATIVE_VECTORS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors")),
        PathBuf::from,
    );
    let folders: Vec<Vec<Trial>> = vec![
        autoscaling::trials(&dir),
        children::trials(&dir),
        conditions::trials(&dir),
        core_types::trials(&dir),
        serving_admission::trials(&dir),
        ingress::trials(&dir),
        serving_config::trials(&dir),
        serving_internal_kinds::trials(&dir),
        traffic::trials(&dir),
    ];
    let trials = folders.into_iter().flatten().collect();
    libtest_mimic::run(&args, trials).exit();
}
