//! How far the traffic of each Configuration has moved to its latest Revision.

use serde::{Deserialize, Serialize};

use super::Traffic;

/// Shares of the Revisions of each Configuration that a Route follows, as kept in an annotation of its Ingress.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// Sorted by tag, then by name of the Configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub configurations: Vec<ConfigurationRollout>,
}

/// Shares of the Revisions of one Configuration under one tag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigurationRollout {
    /// The Configuration.
    #[serde(default)]
    pub configuration_name: String,
    /// The tag; empty for the Route's own hosts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// Share of the Configuration.
    #[serde(default)]
    pub percent: i64,
    /// Oldest first; the shares sum to `percent`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<RevisionRollout>,
    /// Pace of the rollout.
    #[serde(default)]
    pub step_params: StepParams,
}

/// Share of one Revision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RevisionRollout {
    /// The Revision.
    #[serde(default)]
    pub revision_name: String,
    /// Its share.
    #[serde(default)]
    pub percent: i64,
}

/// Pace of a rollout; all zero when none is going on. Times are Unix nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepParams {
    /// When the rollout started.
    #[serde(default, rename = "starttime", skip_serializing_if = "is_zero")]
    pub start_time: i64,
    /// When the next step is due.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub next_step_time: i64,
    /// Time between steps.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub step_duration: i64,
    /// Share that moves with each step.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub step_size: i64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Rollout {
    /// Where the rollout of `traffic` ends: everything on the latest Revisions. Those without a share are left out.
    pub fn goal(traffic: &Traffic) -> Self {
        let targets = traffic.targets.iter().flat_map(|(tag, targets)| {
            targets
                .iter()
                .filter(|target| target.is_latest() && target.percent != 0)
                .map(move |target| (tag, target))
        });
        let mut configurations: Vec<_> = targets
            .map(|(tag, target)| ConfigurationRollout {
                configuration_name: target.configuration_name.clone(),
                tag: tag.clone(),
                percent: target.percent,
                revisions: vec![RevisionRollout {
                    revision_name: target.revision_name.clone(),
                    percent: target.percent,
                }],
                step_params: StepParams::default(),
            })
            .collect();
        configurations
            .sort_by(|a, b| (&a.tag, &a.configuration_name).cmp(&(&b.tag, &b.configuration_name)));
        Self { configurations }
    }

    /// The rollout of one Configuration under one tag.
    pub fn of(&self, tag: &str, configuration: &str) -> Option<&ConfigurationRollout> {
        let mut all = self.configurations.iter();
        all.find(|rollout| rollout.tag == tag && rollout.configuration_name == configuration)
    }

    /// Whether no Configuration is between two Revisions.
    pub fn is_done(&self) -> bool {
        self.configurations
            .iter()
            .all(|rollout| rollout.revisions.len() < 2)
    }
}
