//! Instances on their way out.

use std::{sync::Arc, time::Duration};

use knative_core::runtime::InstanceId;
use tokio::time::Instant;

use super::{deadline::after, member::Member};

/// Instances that were taken out of routing and finish their requests.
#[derive(Debug)]
#[must_use = "they may be stopped once they are drained"]
pub struct Retirement {
    members: Vec<Arc<Member>>,
    deadline: Instant,
}

impl Retirement {
    pub(super) fn new(members: Vec<Arc<Member>>, timeout: Duration) -> Self {
        Self {
            members,
            deadline: after(Instant::now(), timeout),
        }
    }

    /// Which ones. Those that can best be missed were taken: failing ones, then the least busy, then the newest.
    pub fn instances(&self) -> Vec<InstanceId> {
        let ids = self.members.iter().map(|member| member.id().clone());
        ids.collect()
    }

    /// Waits until none of them has a request any more, at most as long as a request of the revision may take.
    pub async fn drained(self) -> Vec<InstanceId> {
        let instances = self.instances();
        let all = async {
            for member in &self.members {
                member.drained().await;
            }
        };
        // A request that is still there then is beyond its own timeout.
        let _ = tokio::time::timeout_at(self.deadline, all).await;
        instances
    }
}
