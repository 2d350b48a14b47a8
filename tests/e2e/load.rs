//! Clients that call one service again and again.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use libtest_mimic::Failed;
use parking_lot::Mutex;

use crate::{Outcome, ensure, http::KeptAlive};

/// Requests on one connection, so that connections come and go too.
const PER_CONNECTION: usize = 100;
/// Long enough that requests overlap.
const PATH: &str = "/?sleep=5";

/// What was sent to a service, and what went wrong.
#[derive(Debug)]
pub(crate) struct Load {
    gateway: SocketAddr,
    host: &'static str,
    sent: AtomicU64,
    failures: Mutex<Vec<String>>,
}

impl Load {
    pub(crate) fn new(gateway: SocketAddr, host: &'static str) -> Self {
        Self {
            gateway,
            host,
            sent: AtomicU64::new(0),
            failures: Mutex::default(),
        }
    }

    /// Lets so many more clients call while `work` is done.
    pub(crate) fn during(&self, clients: usize, work: impl FnOnce() -> Outcome) -> Outcome {
        let end = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..clients {
                scope.spawn(|| self.call_until(&end));
            }
            let outcome = work();
            end.store(true, Ordering::Relaxed);
            outcome
        })
    }

    /// Requests so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Fails if a request did.
    pub(crate) fn lost_nothing(&self) -> Outcome {
        let failures = self.failures.lock();
        ensure(failures.is_empty(), || {
            let (count, sent) = (failures.len(), self.sent());
            format!("{count} of {sent} requests failed, as: {}", failures[0])
        })
    }

    fn call_until(&self, end: &AtomicBool) {
        while !end.load(Ordering::Relaxed) {
            if let Err(failure) = self.call_on_one_connection(end) {
                let message = failure.message().unwrap_or_default().to_owned();
                self.failures.lock().push(message);
            }
        }
    }

    fn call_on_one_connection(&self, end: &AtomicBool) -> Result<(), Failed> {
        let mut connection = KeptAlive::open(self.gateway)?;
        for _ in 0..PER_CONNECTION {
            if end.load(Ordering::Relaxed) {
                break;
            }
            self.sent.fetch_add(1, Ordering::Relaxed);
            let answer = connection.get(self.host, PATH)?;
            ensure(answer.status == 200, || format!("{answer:?}"))?;
        }
        Ok(())
    }
}
