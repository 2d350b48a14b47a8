//! Conditions of a Service.

use jiff::Timestamp;
use knative_core::Conditioned;
use knative_core::object::quote;

use super::{Service, ServiceStatus};
use crate::api::lifecycle::{NOT_OWNED, conditioned, not_owned_message};
use crate::api::{ConfigurationStatus, RouteStatus};

/// Condition: the Configuration is ready.
pub const CONFIGURATIONS_READY: &str = "ConfigurationsReady";
/// Condition: the Route is ready and sends traffic as the spec says.
pub const ROUTES_READY: &str = "RoutesReady";

const OUT_OF_DATE: &str = "OutOfDate";

conditioned!(Service, ServiceStatus, [CONFIGURATIONS_READY, ROUTES_READY]);

impl ServiceStatus {
    /// The Configuration of that name belongs to somebody else.
    pub fn mark_configuration_not_owned(&mut self, name: &str, now: Timestamp) {
        let message = not_owned_message("Configuration", name);
        self.manage(now)
            .mark_false(CONFIGURATIONS_READY, NOT_OWNED, message);
    }

    /// The Route of that name belongs to somebody else.
    pub fn mark_route_not_owned(&mut self, name: &str, now: Timestamp) {
        let message = not_owned_message("Route", name);
        self.manage(now)
            .mark_false(ROUTES_READY, NOT_OWNED, message);
    }

    /// The Configuration has not yet looked at its current spec.
    pub fn mark_configuration_not_reconciled(&mut self, now: Timestamp) {
        self.manage(now).mark_unknown(
            CONFIGURATIONS_READY,
            OUT_OF_DATE,
            out_of_date("Configuration"),
        );
    }

    /// The Route has not yet looked at its current spec.
    pub fn mark_route_not_reconciled(&mut self, now: Timestamp) {
        self.manage(now)
            .mark_unknown(ROUTES_READY, OUT_OF_DATE, out_of_date("Route"));
    }

    /// The Route is ready, but its traffic does not go to the latest Revision yet.
    pub fn mark_route_not_yet_ready(&mut self, now: Timestamp) {
        self.manage(now).mark_unknown(
            ROUTES_READY,
            "TrafficNotMigrated",
            "Traffic is not yet migrated to the latest revision.",
        );
    }

    /// The template names a Revision that somebody else made, or that was made from another template.
    pub fn mark_revision_name_taken(&mut self, name: &str, now: Timestamp) {
        let message = format!(
            "The revision name {} is taken by a conflicting Revision, so traffic will not be migrated",
            quote(name)
        );
        self.manage(now)
            .mark_false(ROUTES_READY, "RevisionNameTaken", message);
    }

    /// Takes over names and readiness from the Configuration.
    pub fn propagate_configuration_status(&mut self, from: &ConfigurationStatus, now: Timestamp) {
        self.latest_ready_revision_name
            .clone_from(&from.latest_ready_revision_name);
        self.latest_created_revision_name
            .clone_from(&from.latest_created_revision_name);
        if let Some(ready) = from.top_level() {
            self.manage(now).mirror(CONFIGURATIONS_READY, ready);
        }
    }

    /// Takes over addresses, traffic and readiness from the Route.
    pub fn propagate_route_status(&mut self, from: &RouteStatus, now: Timestamp) {
        self.url.clone_from(&from.url);
        self.address.clone_from(&from.address);
        self.traffic.clone_from(&from.traffic);
        if let Some(ready) = from.top_level() {
            self.manage(now).mirror(ROUTES_READY, ready);
        }
    }
}

fn out_of_date(kind: &str) -> String {
    format!("The {kind} is still working to reflect the latest desired specification.")
}
