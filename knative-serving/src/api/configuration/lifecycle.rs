//! Conditions of a Configuration, and the names of its latest Revisions.

use jiff::Timestamp;
use knative_core::Conditioned;
use knative_core::condition::READY;
use knative_core::object::quote;

use super::{Configuration, ConfigurationStatus};
use crate::api::lifecycle::conditioned;

const REVISION_FAILED: &str = "RevisionFailed";

conditioned!(Configuration, ConfigurationStatus, []);

impl ConfigurationStatus {
    /// Notes the newest Revision; unless it is also the latest ready one, readiness becomes unknown.
    pub fn set_latest_created_revision_name(&mut self, name: &str, now: Timestamp) {
        name.clone_into(&mut self.latest_created_revision_name);
        if self.latest_ready_revision_name != name {
            self.manage(now).mark_unknown(READY, "", "");
        }
    }

    /// Notes the newest ready Revision; if it is also the newest, the Configuration is ready.
    pub fn set_latest_ready_revision_name(&mut self, name: &str, now: Timestamp) {
        name.clone_into(&mut self.latest_ready_revision_name);
        if self.latest_created_revision_name == name {
            self.manage(now).mark_true(READY);
        }
    }

    /// The newest Revision failed.
    pub fn mark_latest_created_failed(&mut self, name: &str, message: &str, now: Timestamp) {
        let message = format!("Revision {} failed with message: {message}.", quote(name));
        self.manage(now).mark_false(READY, REVISION_FAILED, message);
    }

    /// The newest Revision could not be created.
    pub fn mark_revision_creation_failed(&mut self, message: &str, now: Timestamp) {
        let message = format!("Revision creation failed with message: {message}.");
        self.manage(now).mark_false(READY, REVISION_FAILED, message);
    }

    /// The latest ready Revision is gone.
    pub fn mark_latest_ready_deleted(&mut self, now: Timestamp) {
        let message = format!(
            "Revision {} was deleted.",
            quote(&self.latest_ready_revision_name)
        );
        self.manage(now)
            .mark_false(READY, "RevisionDeleted", message);
    }

    /// Whether the Configuration is ready and no newer Revision than the ready one exists.
    pub fn is_latest_ready_revision_name_up_to_date(&self) -> bool {
        self.is_happy() && self.latest_created_revision_name == self.latest_ready_revision_name
    }
}
