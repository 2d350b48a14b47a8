//! What this program does as a child of itself.

use std::{
    env,
    io::{self, Read as _, Write as _},
    net::SocketAddr,
    path::PathBuf,
    process, thread,
};

use anyhow::Context as _;
use knative_benches::load;
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

use crate::server;

/// The argument before a task.
pub(crate) const FLAG: &str = "--task";

/// One process of a measurement.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Task {
    /// A program that says hello.
    Upstream,
    /// The least that a reverse proxy on hyper does.
    Proxy { upstream: SocketAddr },
    /// The gateway in front of one instance.
    Gateway { upstream: SocketAddr },
    /// The gateway, the scaler and a fake runtime with so many revisions at zero.
    Wakes { revisions: u64 },
    /// A platform on a fake runtime.
    Platform { data: PathBuf },
    /// A load generator.
    Load(load::Plan),
}

impl Task {
    /// The task that this process was started for, if it was started for one.
    pub(crate) fn from_args() -> Option<anyhow::Result<Self>> {
        let mut args = env::args().skip(1);
        (args.next()? == FLAG).then(|| {
            let text = args.next().context("a task is missing")?;
            serde_json::from_str(&text).context("this is no task")
        })
    }

    pub(crate) fn run(self) -> anyhow::Result<()> {
        end_with_parent();
        match self {
            Self::Upstream => many_threads()?.block_on(server::upstream::run()),
            Self::Proxy { upstream } => many_threads()?.block_on(server::proxy::run(upstream)),
            Self::Gateway { upstream } => many_threads()?.block_on(server::gateway::run(upstream)),
            Self::Wakes { revisions } => many_threads()?.block_on(server::wakes::run(revisions)),
            Self::Platform { data } => many_threads()?.block_on(server::platform::run(&data)),
            Self::Load(plan) => {
                let outcome = Builder::new_current_thread()
                    .enable_all()
                    .build()?
                    .block_on(load::run(plan))?;
                say(&serde_json::to_string(&outcome)?)
            }
        }
    }
}

/// Tells the parent one line.
pub(crate) fn say(line: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

fn many_threads() -> io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build()
}

/// Ends this process when its parent does, however that ends: its standard input closes.
#[expect(clippy::exit, reason = "nothing in a child is worth an orderly end")]
fn end_with_parent() {
    thread::spawn(|| {
        let mut input = Vec::new();
        let _ = io::stdin().lock().read_to_end(&mut input);
        process::exit(0);
    });
}
