//! Defaulting and validation of the kinds: what Knative's webhooks do to an object before it is stored.

mod certificate;
mod configuration;
mod domain_mapping;
mod ingress;
mod metadata;
mod metric;
mod modifier;
mod object_reference;
mod pipeline;
mod pod_autoscaler;
mod reference;
mod revision;
mod route;
mod serverless_service;
mod service;
mod template;
mod traffic;

use std::sync::Arc;

use k8s_openapi::api::core::v1::PodSpec;
use knative_core::admission::FieldErrors;

pub use self::pipeline::KindAdmission;
use crate::config::{Autoscaler, CLUSTER_DOMAIN, Config, Defaults, Features};

/// What the rules depend on.
#[derive(Clone, Debug)]
pub struct AdmissionConfig {
    /// `config-defaults`.
    pub defaults: Arc<Defaults>,
    /// `config-features`.
    pub features: Arc<Features>,
    /// `config-autoscaler`.
    pub autoscaler: Arc<Autoscaler>,
    /// Suffix of names inside the cluster. Default `cluster.local`.
    pub cluster_domain: String,
}

impl Default for AdmissionConfig {
    fn default() -> Self {
        Self {
            defaults: Arc::default(),
            features: Arc::default(),
            autoscaler: Arc::default(),
            cluster_domain: CLUSTER_DOMAIN.to_owned(),
        }
    }
}

impl From<&Config> for AdmissionConfig {
    fn from(config: &Config) -> Self {
        Self {
            defaults: Arc::clone(&config.defaults),
            features: Arc::clone(&config.features),
            autoscaler: Arc::clone(&config.autoscaler),
            ..Self::default()
        }
    }
}

/// What is done to an object.
#[derive(Debug)]
#[non_exhaustive]
pub enum Operation<'a, K> {
    /// It is new.
    Create,
    /// It takes the place of another state.
    Update {
        /// The stored object.
        old: &'a K,
        /// The subresource that is written, as `status`; `None` for the object itself.
        subresource: Option<&'a str>,
    },
    /// It is removed.
    Delete,
    /// It is read, by those who need what today's defaults make of it.
    Read,
}

impl<K> Clone for Operation<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Operation<'_, K> {}

/// Who does what under which configuration.
#[derive(Debug)]
pub struct Context<'a, K> {
    /// The configuration in force.
    pub config: &'a AdmissionConfig,
    /// Name of the user; `None` leaves the annotations about creator and modifier alone.
    pub user: Option<&'a str>,
    /// What is done.
    pub operation: Operation<'a, K>,
}

impl<'a, K> Context<'a, K> {
    /// What is stored, in an update.
    pub(crate) fn old(&self) -> Option<&'a K> {
        match self.operation {
            Operation::Update { old, .. } => Some(old),
            _ => None,
        }
    }

    pub(crate) fn is_create(&self) -> bool {
        matches!(self.operation, Operation::Create)
    }

    pub(crate) fn is_status(&self) -> bool {
        matches!(
            self.operation,
            Operation::Update {
                subresource: Some("status"),
                ..
            }
        )
    }
}

/// The rules of a kind. Pure: the same object in the same context always fares the same.
pub trait Admit: Clone + Sized {
    /// Fills in what the writer left open and notes who wrote. Zero values that the wire format leaves out are gone
    /// afterwards, and quantities have their canonical spelling.
    fn set_defaults(&mut self, context: &Context<'_, Self>);

    /// All findings, errors and warnings, about an object after defaulting.
    fn validate(&self, context: &Context<'_, Self>) -> FieldErrors;

    /// The pod that a trial run of a write makes, of kinds that have one.
    fn pod(&self) -> Option<&PodSpec> {
        None
    }
}

/// The stored object as today's defaults make it: new objects are compared with that when it is noted who changed
/// something.
fn defaulted_old<K: Admit>(context: &Context<'_, K>) -> Option<K> {
    let mut old = context.old()?.clone();
    old.set_defaults(&Context {
        config: context.config,
        user: None,
        operation: Operation::Read,
    });
    Some(old)
}
