//! What the instances of a Revision say about it, as Knative reads it from a Deployment and its pods. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentCondition, DeploymentSpec, DeploymentStatus,
};
use knative_core::object::quote;
use knative_core::runtime::{Exit, Instance, InstanceId, InstanceState, StartError};

use crate::api::RevisionStatus;
use crate::api::revision::lifecycle::{
    PROGRESS_DEADLINE_EXCEEDED, container_exiting_message, exit_code_reason,
};

/// What is known of the instances of a Revision.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The name of their Deployment.
    pub deployment: &'a str,
    /// The instances.
    pub instances: &'a BTreeMap<InstanceId, Arc<Instance>>,
    /// Whether the first scale was reached once.
    pub initialized: bool,
    /// Since when instances are wanted.
    pub since: Timestamp,
    /// How long they may take until the first scale is reached.
    pub deadline: SignedDuration,
}

impl Seen<'_> {
    fn ready(&self) -> i32 {
        let ready = self.instances.values().filter(|one| one.state.is_ready());
        i32::try_from(ready.count()).unwrap_or(i32::MAX)
    }

    fn wanted(&self) -> i32 {
        let needed = |one: &&Arc<Instance>| {
            !matches!(one.state, InstanceState::Stopping | InstanceState::Standby)
        };
        let wanted = self.instances.values().filter(needed).count();
        i32::try_from(wanted).unwrap_or(i32::MAX)
    }

    /// Time left until the deadline, while it matters.
    pub fn left(&self, now: Timestamp) -> Option<SignedDuration> {
        if self.initialized {
            return None;
        }
        let left = self.deadline - now.duration_since(self.since);
        (left > SignedDuration::ZERO).then_some(left)
    }

    /// A Deployment at rest has not timed out, nor one that was complete once.
    fn has_timed_out(&self, now: Timestamp) -> bool {
        !self.initialized && self.wanted() > 0 && now.duration_since(self.since) >= self.deadline
    }

    /// The Deployment, as far as rules look at it.
    pub fn deployment(&self, now: Timestamp) -> Deployment {
        let (progressing, reason, message) = if self.has_timed_out(now) {
            let message = format!(
                "ReplicaSet {} has timed out progressing.",
                quote(self.deployment)
            );
            ("False", PROGRESS_DEADLINE_EXCEEDED, message)
        } else {
            ("True", "NewReplicaSetAvailable", String::new())
        };
        let progressing = DeploymentCondition {
            type_: Some("Progressing".to_owned()),
            status: Some(progressing.to_owned()),
            reason: Some(reason.to_owned()),
            message: Some(message),
            ..DeploymentCondition::default()
        };
        Deployment {
            spec: DeploymentSpec {
                replicas: Some(self.wanted()),
                ..DeploymentSpec::default()
            },
            status: Some(DeploymentStatus {
                ready_replicas: Some(self.ready()),
                conditions: Some(vec![progressing]),
                ..DeploymentStatus::default()
            }),
            ..Deployment::default()
        }
    }

    /// Takes over into `status` how the instances fare.
    pub fn report(&self, status: &mut RevisionStatus, now: Timestamp) {
        if let Some(deployment) = &self.deployment(now).status {
            status.propagate_deployment_status(deployment, now);
        }
        if self.ready() > 0 {
            status.mark_container_healthy_true(now);
        } else if let Some(finding) = self.finding(now) {
            finding.mark(status, now);
        }
    }

    /// The first instance that says what is wrong. Before the first scale was reached, restarts go on unseen until the
    /// deadline; that there is no room is told at once.
    fn finding(&self, now: Timestamp) -> Option<Finding> {
        let timed_out = self.has_timed_out(now);
        let all = self.instances.values();
        let mut findings = all.filter_map(|instance| finding(instance));
        findings.find(|finding| match finding {
            Finding::NoRoom(..) => true,
            Finding::Exited { .. } => timed_out || self.initialized,
            Finding::Waiting(..) => timed_out,
        })
    }
}

/// Reason: a container ended or had to be ended, and the runtime does not tell with which code. A kubelet names failures of
/// probes so.
const UNHEALTHY: &str = "Unhealthy";

/// What an instance suffers from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Finding {
    NoRoom(String, String),
    Exited { code: Option<i32>, message: String },
    Waiting(String, String),
}

impl Finding {
    fn mark(&self, status: &mut RevisionStatus, now: Timestamp) {
        match self {
            Self::NoRoom(reason, message) | Self::Waiting(reason, message) => {
                status.mark_resources_available_false(reason, message, now);
            }
            Self::Exited { code, message } => {
                let message = container_exiting_message(message);
                let reason = code.map_or_else(|| UNHEALTHY.to_owned(), exit_code_reason);
                status.mark_container_healthy_false(&reason, &message, now);
            }
        }
    }
}

fn finding(instance: &Instance) -> Option<Finding> {
    if let InstanceState::BackingOff { error, .. } = &instance.state {
        return match &**error {
            StartError::Unschedulable { message } => {
                Some(Finding::NoRoom(error.reason(), message.clone()))
            }
            StartError::CrashLoop(exit) => Some(exited(exit)),
            // That the deadline is over is said already. The pod tells what was waited for.
            StartError::Timeout { .. } => None,
            _ => Some(Finding::Waiting(error.reason(), error.to_string())),
        };
    }
    instance.last_exit.as_ref().map(exited)
}

/// A signal is an exit code above 128, as shells say it.
fn exited(exit: &Exit) -> Finding {
    let code = exit.code.or(exit.signal.map(|signal| 128 + signal));
    let message = match (code, exit.message.as_str()) {
        (Some(0), "") => "container exited with no error",
        (_, message) => message,
    };
    Finding::Exited {
        code,
        message: message.to_owned(),
    }
}
