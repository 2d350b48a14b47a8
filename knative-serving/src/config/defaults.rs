//! `config-defaults`: what revisions get where they say nothing.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta};

use knative_core::admission::FieldErrors;

use super::{
    ConfigError,
    reader::Reader,
    template::{Template, Value},
};

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
    /// The keys that are read.
    pub const KEYS: &[&str] = &[
        "allow-container-concurrency-zero",
        "container-concurrency",
        "container-concurrency-max-limit",
        "container-name-template",
        "enable-service-links",
        "init-container-name-template",
        "max-revision-timeout-seconds",
        "revision-cpu-limit",
        "revision-cpu-request",
        "revision-ephemeral-storage-limit",
        "revision-ephemeral-storage-request",
        "revision-idle-timeout-seconds",
        "revision-memory-limit",
        "revision-memory-request",
        "revision-response-start-timeout-seconds",
        "revision-timeout-seconds",
    ];

    /// Reads the map: first what does not parse is told, then the first rule that is broken.
    pub fn parse(data: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        config.read(Reader(data))?;
        config.check_timeouts().map_err(ConfigError::new)?;
        config
            .check_concurrency()
            .map_err(|error| ConfigError::new(error.to_string()))?;
        for template in [
            &config.user_container_name_template,
            &config.init_container_name_template,
        ] {
            let empty = Value::object_meta(&ObjectMeta::default());
            template
                .render(&empty)
                .map_err(|error| ConfigError::new(format!("error executing template: {error}")))?;
        }
        Ok(config)
    }

    fn read(&mut self, map: Reader<'_>) -> Result<(), ConfigError> {
        template(
            map,
            "init-container-name-template",
            &mut self.init_container_name_template,
        )?;
        template(
            map,
            "container-name-template",
            &mut self.user_container_name_template,
        )?;
        map.bool(
            "allow-container-concurrency-zero",
            &mut self.allow_container_concurrency_zero,
        )?;
        if let Some(text) = map.raw("enable-service-links") {
            self.enable_service_links = tri_state(text);
        }
        map.int(
            "revision-timeout-seconds",
            &mut self.revision_timeout_seconds,
        )?;
        map.int(
            "max-revision-timeout-seconds",
            &mut self.max_revision_timeout_seconds,
        )?;
        map.int(
            "revision-idle-timeout-seconds",
            &mut self.revision_idle_timeout_seconds,
        )?;
        map.int("container-concurrency", &mut self.container_concurrency)?;
        map.int(
            "container-concurrency-max-limit",
            &mut self.container_concurrency_max_limit,
        )?;
        map.quantity("revision-cpu-request", &mut self.revision_cpu_request)?;
        map.quantity("revision-memory-request", &mut self.revision_memory_request)?;
        map.quantity(
            "revision-ephemeral-storage-request",
            &mut self.revision_ephemeral_storage_request,
        )?;
        map.quantity("revision-cpu-limit", &mut self.revision_cpu_limit)?;
        map.quantity("revision-memory-limit", &mut self.revision_memory_limit)?;
        map.quantity(
            "revision-ephemeral-storage-limit",
            &mut self.revision_ephemeral_storage_limit,
        )?;
        self.revision_response_start_timeout_seconds = self.revision_timeout_seconds;
        map.int(
            "revision-response-start-timeout-seconds",
            &mut self.revision_response_start_timeout_seconds,
        )
    }

    fn check_timeouts(&self) -> Result<(), String> {
        let (timeout, max) = (
            self.revision_timeout_seconds,
            self.max_revision_timeout_seconds,
        );
        if timeout > max {
            return Err(format!(
                "revision-timeout-seconds ({timeout}) cannot be greater than max-revision-timeout-seconds ({max})"
            ));
        }
        for (key, seconds) in [
            (
                "revision-response-start-timeout-seconds",
                self.revision_response_start_timeout_seconds,
            ),
            (
                "revision-idle-timeout-seconds",
                self.revision_idle_timeout_seconds,
            ),
        ] {
            if seconds > 0 && seconds > timeout {
                return Err(format!(
                    "{key} ({seconds}) cannot be greater than revision-timeout-seconds ({timeout})"
                ));
            }
        }
        Ok(())
    }

    fn check_concurrency(&self) -> Result<(), FieldErrors> {
        let (concurrency, max) = (
            self.container_concurrency,
            self.container_concurrency_max_limit,
        );
        if max < 1 {
            return Err(FieldErrors::out_of_bounds(
                max,
                1,
                i32::MAX,
                "container-concurrency-max-limit",
            ));
        }
        if !(0..=max).contains(&concurrency) {
            return Err(FieldErrors::out_of_bounds(
                concurrency,
                0,
                max,
                "container-concurrency",
            ));
        }
        Ok(())
    }

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

fn template(map: Reader<'_>, key: &str, field: &mut Template) -> Result<(), ConfigError> {
    if let Some(text) = map.raw(key) {
        *field = Template::parse("container-template", text)
            .map_err(|error| ConfigError::new(error.to_string()))?;
    }
    Ok(())
}

/// `true`, `false`, or neither.
fn tri_state(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}
