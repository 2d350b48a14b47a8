//! Looking at all processes of the machine: one look serves all that wait for one.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{sync::Mutex, task::spawn_blocking};

use crate::{
    render::INSTANCE_VARIABLE,
    sys::proc::{self, Process},
};

/// Looks at all processes, for many at once.
#[derive(Debug, Default)]
pub(super) struct Scans {
    begun: AtomicU64,
    last: Mutex<Last>,
}

/// The latest look, and which one it was.
#[derive(Debug, Default)]
struct Last {
    number: u64,
    found: Arc<Vec<Process>>,
}

impl Scans {
    /// What runs: the answer of a look that began after this call.
    pub(super) async fn processes(&self) -> io::Result<Arc<Vec<Process>>> {
        let begun_before = self.begun.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        if last.number <= begun_before {
            let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            let found = spawn_blocking(|| proc::processes(INSTANCE_VARIABLE)).await??;
            *last = Last {
                number,
                found: Arc::new(found),
            };
        }
        Ok(Arc::clone(&last.found))
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn who_waits_together_shares_a_look_that_began_afterwards() {
        let scans = Scans::default();
        let answers = join_all((0..20).map(|_| scans.processes())).await;
        let own = std::process::id();
        for answer in answers {
            assert!(answer.unwrap().iter().any(|process| process.pid == own));
        }
        let begun = scans.begun.load(Ordering::SeqCst);
        assert!(begun < 20, "{begun} looks for 20 that waited together");
        scans.processes().await.unwrap();
        assert_eq!(scans.begun.load(Ordering::SeqCst), begun + 1);
    }
}
