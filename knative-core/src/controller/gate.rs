//! Who may reconcile where several platforms share a store.

use tokio::sync::watch;

/// Says whether this process leads. Controllers work only while it does.
#[derive(Clone, Debug)]
pub struct LeaderGate {
    leads: watch::Receiver<bool>,
}

impl LeaderGate {
    /// A gate that follows an election.
    pub const fn new(leads: watch::Receiver<bool>) -> Self {
        Self { leads }
    }

    /// A gate that is always open: one process owns the store.
    pub fn open() -> Self {
        Self {
            leads: watch::Sender::new(true).subscribe(),
        }
    }

    /// Whether this process leads now.
    pub fn leads(&self) -> bool {
        *self.leads.borrow()
    }

    /// Answers once this process leads; never if the election is over without it.
    pub async fn wait_open(&mut self) {
        self.wait_for(true).await;
    }

    /// Answers once this process leads no more; never if it stays so.
    pub async fn wait_closed(&mut self) {
        self.wait_for(false).await;
    }

    async fn wait_for(&mut self, leads: bool) {
        if self.leads.wait_for(|now| *now == leads).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Default for LeaderGate {
    fn default() -> Self {
        Self::open()
    }
}
