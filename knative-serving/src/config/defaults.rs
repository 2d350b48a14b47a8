//! `config-defaults`: what revisions get where they say nothing.

use k8s_openapi::apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta};

use super::template::{Template, Value};

/// The parsed `config-defaults`.
///
/// Source of keys, defaults and ranges: serving `pkg/apis/config/defaults.go`.
#[derive(Debug, Clone, PartialEq)]
pub struct Defaults {
    /// Seconds that a request may take. `revision-timeout-seconds`, default 300, at most the maximum.
    pub revision_timeout_seconds: i64,
    /// The most that a revision may ask for. `max-revision-timeout-seconds`, default 600.
    pub max_revision_timeout_seconds: i64,
    /// Seconds until the first byte of the response. `revision-response-start-timeout-seconds`, default and at most
    /// the timeout.
    pub revision_response_start_timeout_seconds: i64,
    /// Seconds without a byte in either direction, 0 for off. `revision-idle-timeout-seconds`, default 0, at most
    /// the timeout.
    pub revision_idle_timeout_seconds: i64,
    /// Name of init containers without one, over the parent's metadata. `init-container-name-template`, default
    /// `init-container`.
    pub init_container_name_template: Template,
    /// Name of containers without one, over the parent's metadata. `container-name-template`, default
    /// `user-container`.
    pub user_container_name_template: Template,
    /// Requests that an instance handles at a time, 0 for no bound. `container-concurrency`, default 0.
    pub container_concurrency: i64,
    /// The most that a revision may ask for. `container-concurrency-max-limit`, default 1000, at least 1.
    pub container_concurrency_max_limit: i64,
    /// Whether a revision may ask for no bound. `allow-container-concurrency-zero`, default true.
    pub allow_container_concurrency_zero: bool,
    /// What `enableServiceLinks` becomes, `None` to leave it unset. `enable-service-links`, default false; any text
    /// but `true` and `false` leaves it unset.
    pub enable_service_links: Option<bool>,
    /// `revision-cpu-request`, default unset.
    pub revision_cpu_request: Option<Quantity>,
    /// `revision-cpu-limit`, default unset.
    pub revision_cpu_limit: Option<Quantity>,
    /// `revision-memory-request`, default unset.
    pub revision_memory_request: Option<Quantity>,
    /// `revision-memory-limit`, default unset.
    pub revision_memory_limit: Option<Quantity>,
    /// `revision-ephemeral-storage-request`, default unset.
    pub revision_ephemeral_storage_request: Option<Quantity>,
    /// `revision-ephemeral-storage-limit`, default unset.
    pub revision_ephemeral_storage_limit: Option<Quantity>,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            revision_timeout_seconds: 300,
            max_revision_timeout_seconds: 600,
            revision_response_start_timeout_seconds: 300,
            revision_idle_timeout_seconds: 0,
            init_container_name_template: Template::text("init-container"),
            user_container_name_template: Template::text("user-container"),
            container_concurrency: 0,
            container_concurrency_max_limit: 1000,
            allow_container_concurrency_zero: true,
            enable_service_links: Some(false),
            revision_cpu_request: None,
            revision_cpu_limit: None,
            revision_memory_request: None,
            revision_memory_limit: None,
            revision_ephemeral_storage_request: None,
            revision_ephemeral_storage_limit: None,
        }
    }
}

impl Defaults {
    /// Name for a container without one in an object with this metadata; empty where the template does not apply.
    pub fn user_container_name(&self, parent: &ObjectMeta) -> String {
        render(&self.user_container_name_template, parent)
    }

    /// Name for an init container without one in an object with this metadata; empty where the template does not
    /// apply.
    pub fn init_container_name(&self, parent: &ObjectMeta) -> String {
        render(&self.init_container_name_template, parent)
    }
}

fn render(template: &Template, parent: &ObjectMeta) -> String {
    template
        .render(&Value::object_meta(parent))
        .unwrap_or_default()
}
