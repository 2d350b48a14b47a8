//! Runs the conformance kits on every backend of this workspace: `cargo test -p knative-tests --test conformance`.

mod docker;
mod fake;
mod local;
mod store;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let args = Arguments::from_args();
    let kits: [Vec<Trial>; 4] = [
        store::trials(),
        fake::trials(),
        local::trials(),
        docker::trials(),
    ];
    libtest_mimic::run(&args, kits.into_iter().flatten().collect()).exit();
}
